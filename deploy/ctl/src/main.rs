//! `tuntas`: see `tuntas --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    tuntas_ctl::cli::main()
}
