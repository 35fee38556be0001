//! The routing service.

use std::process::ExitCode;

use tuntas_kit::app::{self, Boot};
use tuntas_routing::{build, config::RoutingConfig, spec};

fn main() -> ExitCode {
    app::main(spec(), async |boot: Boot<RoutingConfig>| build(&boot))
}
