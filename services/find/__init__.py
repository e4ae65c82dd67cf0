"""Find: who has what was looked for."""
