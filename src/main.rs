//! The `transom` command.

fn main() -> std::process::ExitCode {
    transom::cli::run()
}
