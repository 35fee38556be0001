//! The oversight service.

fn main() -> std::process::ExitCode {
    tuntas_oversight::main()
}
