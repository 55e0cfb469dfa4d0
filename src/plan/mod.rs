//! What is due: pure, with the time as an argument.
