"""The room side on Spark: on this machine, over Spark Connect, or in a session somebody else made. No owner side."""
