"""ClickHouse: KATO's patterns."""
