//! The binary: parse, run, exit code.

fn main() -> std::process::ExitCode {
    outlive::cli::run(std::env::args_os())
}
