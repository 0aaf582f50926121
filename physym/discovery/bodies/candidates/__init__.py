"""What a law may be a sum of, and how chosen terms become a law with typed and named constants."""
