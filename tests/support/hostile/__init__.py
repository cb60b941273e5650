"""Local processes that want what is not theirs."""
