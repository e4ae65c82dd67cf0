"""A Redis Cluster, asked as one server is: every primary that holds a part of the keys."""
