"""What is nobody's business: keys, passwords, addresses."""
