//! The gateway.

use std::process::ExitCode;

fn main() -> ExitCode {
    tuntas_kit::app::main(tuntas_gateway::SPEC, async |boot| tuntas_gateway::build(boot).await)
}
