"""Array work that differs by array library or device: the choice of library, random bits, fast kernels."""
