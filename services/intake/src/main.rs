//! The service `intake`.

use std::process::ExitCode;

fn main() -> ExitCode {
    tuntas_kit::app::main(tuntas_intake::SPEC, tuntas_intake::build)
}
