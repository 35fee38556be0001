//! The smallest service: `Ops`, health, one setting, one task. The tests of `tuntas_kit::app` run it as a process.

use std::process::ExitCode;

use clap::Args;
use serde::Deserialize;
use sqlx::migrate::Migrator;
use tuntas_kit::app::{self, Boot, Service, ServiceSpec};
use tuntas_proto::ops::v1::BookLine;

static MIGRATOR: Migrator = Migrator::DEFAULT;

const DEFAULT_TOML: &str = r#"
[probe]
# What the one line of its books says.
greeting = "halo"
"#;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    probe: Probe,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Probe {
    greeting: String,
}

/// What the task does, beyond waiting for the end.
#[derive(Args)]
struct Misbehave {
    /// End at once: a crash.
    #[arg(long)]
    end_early: bool,
    /// Do not end when told to.
    #[arg(long)]
    never_end: bool,
}

fn main() -> ExitCode {
    let spec = ServiceSpec {
        name: "probe",
        default_toml: DEFAULT_TOML,
        migrator: &MIGRATOR,
    };
    app::main(spec, async |boot: Boot<Settings, Misbehave>| Ok(build(&boot)))
}

fn build(boot: &Boot<Settings, Misbehave>) -> Service {
    let (end_early, never_end) = (boot.args.end_early, boot.args.never_end);
    let greeting = boot.config.probe.greeting.clone();
    boot.service()
        .books(move || {
            let line = BookLine {
                kind: "greeting".to_owned(),
                id: greeting.clone(),
                ..BookLine::default()
            };
            async move { Ok(vec![line]) }
        })
        .task("waiting", async move |stop| {
            if !end_early {
                stop.cancelled().await;
            }
            if never_end {
                std::future::pending::<()>().await;
            }
            Ok(())
        })
}
