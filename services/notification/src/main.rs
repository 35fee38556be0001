//! The notification service.

use std::process::ExitCode;

fn main() -> ExitCode {
    tuntas_kit::app::main(tuntas_notification::SPEC, async |boot| tuntas_notification::build(boot))
}
