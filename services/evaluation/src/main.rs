//! The evaluation service.

fn main() -> std::process::ExitCode {
    tuntas_evaluation::main()
}
