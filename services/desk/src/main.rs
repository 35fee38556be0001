//! The desk service.

use std::process::ExitCode;

fn main() -> ExitCode {
    tuntas_kit::app::main(tuntas_desk::SPEC, async |boot| tuntas_desk::build(boot))
}
