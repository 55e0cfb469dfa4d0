//! Arguments, one file a command, terminal output and exit codes.
