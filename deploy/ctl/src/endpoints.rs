//! Where the platform is: defaults, then `DIR/endpoints.json`, then `DIR/env`, then the environment.
//!
//! `deploy/up` writes `endpoints.json`; on a cluster the environment says it. Whatever is not said has the default
//! port on loopback.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::error::{CtlError, Result, at_path};

/// The agencies of a desk that serves whatever has no desk of its own.
pub const ANY_OPD: &str = "*";
/// Services of which there is one each, in the order in which time moves (see [`crate::quiet`]).
pub const SINGLE_SERVICES: [&str; 6] = [
    "intake",
    "oversight",
    "notification",
    "evaluation",
    "gateway",
    "routing",
];
/// Services that need no broker.
pub const WITHOUT_BROKER: [&str; 2] = ["evaluation", "gateway"];
/// Services that keep no replica of the directory.
pub const WITHOUT_DIRECTORY: [&str; 1] = ["gateway"];

/// Addresses and folders of one platform.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Endpoints {
    /// gRPC address of each service but the desks, `http://host:port`.
    pub services: BTreeMap<String, String>,
    /// The desks.
    pub desks: Vec<DeskEndpoint>,
    /// File with the demo clock; none on real time.
    pub clock_file: Option<PathBuf>,
    /// Folder with trust.json and the keys.
    pub trust_dir: Option<PathBuf>,
    /// For backups: database URL by service.
    pub databases: BTreeMap<String, String>,
    /// For backups: the vault's master key.
    pub vault_key_file: Option<PathBuf>,
    /// For backups and the doctor: management API of the broker, `http://user:password@host:port`.
    pub amqp_management_url: Option<String>,
}

/// One desk deployment.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeskEndpoint {
    /// Name of the deployment, such as `desk-dishub`.
    pub name: String,
    /// gRPC address.
    pub url: String,
    /// Agencies it serves; `"*"`: all others.
    pub opds: Vec<String>,
}

impl Default for Endpoints {
    fn default() -> Self {
        let local = |port: u16| format!("http://127.0.0.1:{port}");
        let desk = |name: &str, port, opd: &str| DeskEndpoint {
            name: name.to_owned(),
            url: local(port),
            opds: vec![opd.to_owned()],
        };
        let ports = [
            ("intake", 7101),
            ("routing", 7102),
            ("oversight", 7103),
            ("gateway", 7106),
            ("notification", 7104),
            ("evaluation", 7105),
        ];
        Self {
            services: ports.map(|(name, port)| (name.to_owned(), local(port))).into(),
            desks: vec![
                desk("desk-dishub", 7111, "dishub"),
                desk("desk-pupr-pkpp", 7112, "pupr-pkpp"),
                desk("desk-others", 7110, ANY_OPD),
            ],
            clock_file: None,
            trust_dir: None,
            databases: BTreeMap::new(),
            vault_key_file: None,
            amqp_management_url: None,
        }
    }
}

impl Endpoints {
    /// Reads what `state` and the environment say.
    ///
    /// # Errors
    /// A file cannot be read or is not what it should be.
    pub fn load(state: &Path) -> Result<Self> {
        let file = state.join("endpoints.json");
        let mut endpoints = match fs::read_to_string(&file) {
            Ok(text) => serde_json::from_str(&text).map_err(|e| {
                CtlError::usage(format!("{}: {e}", file.display()))
                    .next("`deploy/up --state DIR` writes this file anew")
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::default(),
            Err(error) => return Err(at_path(&file)(error)),
        };
        let variables = state_variables(state)?;
        let look_up = |name: &str| std::env::var(name).ok().or_else(|| variables.get(name).cloned());
        for name in SINGLE_SERVICES {
            if let Some(url) = look_up(&format!("TUNTAS_{}_URL", name.to_uppercase())) {
                endpoints.services.insert(name.to_owned(), url);
            }
        }
        if let Some(desks) = look_up("TUNTAS_DESK_URLS") {
            endpoints.desks = parse_desks(&desks)?;
        }
        if let Some(folder) = look_up("TUNTAS_TRUST_DIR") {
            endpoints.trust_dir = Some(folder.into());
        }
        if let Some(file) = look_up("TUNTAS_CLOCK_FILE") {
            endpoints.clock_file = Some(file.into());
        }
        if endpoints.trust_dir.is_none() {
            endpoints.trust_dir = Some(state.join("trust"));
        }
        Ok(endpoints)
    }

    /// Address of a service.
    ///
    /// # Errors
    /// No address is known.
    pub fn service(&self, name: &str) -> Result<&str> {
        self.services.get(name).map(String::as_str).ok_or_else(|| {
            CtlError::usage(format!("no address of the service {name}")).next(format!(
                "set TUNTAS_{}_URL, or --state to the folder of deploy/up",
                name.to_uppercase()
            ))
        })
    }

    /// The desk that serves an agency.
    ///
    /// # Errors
    /// No desk does.
    pub fn desk_of(&self, opd: &str) -> Result<&DeskEndpoint> {
        let serves = |code: &str| self.desks.iter().find(|desk| desk.opds.iter().any(|own| own == code));
        serves(opd)
            .or_else(|| serves(ANY_OPD))
            .ok_or_else(|| CtlError::usage(format!("no desk serves {opd}")).next("set TUNTAS_DESK_URLS=OPD=URL,*=URL"))
    }

    /// Every process with the operator's RPCs: name and address.
    pub fn processes(&self) -> impl Iterator<Item = (&str, &str)> {
        let desks = self.desks.iter().map(|desk| (desk.name.as_str(), desk.url.as_str()));
        let single = |name: &&'static str| self.services.get(*name).map(|url| (*name, url.as_str()));
        // Routing last: see `quiet`.
        let (routing, others) = SINGLE_SERVICES.split_last().unwrap_or((&"", &[]));
        others.iter().filter_map(single).chain(desks).chain(single(routing))
    }
}

/// `OPD=URL,OPD+OPD=URL,*=URL`.
fn parse_desks(text: &str) -> Result<Vec<DeskEndpoint>> {
    text.split(',')
        .map(|part| {
            let (opds, url) = part.split_once('=').ok_or_else(|| {
                CtlError::usage(format!("TUNTAS_DESK_URLS: `{part}` is not OPD=URL"))
                    .next("example: dishub=http://127.0.0.1:7111,*=http://127.0.0.1:7110")
            })?;
            let opds: Vec<String> = opds.split('+').map(|opd| opd.trim().to_owned()).collect();
            let name = if opds == [ANY_OPD] {
                "desk-others".to_owned()
            } else {
                format!("desk-{}", opds.join("-"))
            };
            Ok(DeskEndpoint {
                name,
                url: url.trim().to_owned(),
                opds,
            })
        })
        .collect()
}

/// `KEY=VALUE` lines of `DIR/env`, with or without `export` and quotes.
fn state_variables(state: &Path) -> Result<BTreeMap<String, String>> {
    let file = state.join("env");
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound || file.is_dir() => return Ok(BTreeMap::new()),
        Err(error) => return Err(at_path(&file)(error)),
    };
    let pair = |line: &str| {
        let (key, value) = line
            .trim()
            .strip_prefix("export ")
            .unwrap_or(line.trim())
            .split_once('=')?;
        Some((key.to_owned(), value.trim_matches(['\'', '"']).to_owned()))
    };
    Ok(text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .filter_map(pair)
        .collect())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;

    #[test]
    fn an_agency_without_a_desk_of_its_own_is_served_by_the_desk_for_all_others() {
        let endpoints = Endpoints::default();
        assert_eq!(endpoints.desk_of("dishub").unwrap().name, "desk-dishub");
        assert_eq!(endpoints.desk_of("disdik").unwrap().name, "desk-others");
    }

    #[test]
    fn desks_are_parsed_from_the_environment() {
        let desks = parse_desks("dishub+dinkes=http://a:1,*=http://b:2").unwrap();
        assert_eq!(desks[0].opds, ["dishub", "dinkes"]);
        assert_eq!(desks[1].name, "desk-others");
        assert!(parse_desks("dishub").is_err());
    }

    #[test]
    fn routing_is_the_last_process_whose_clock_moves() {
        let endpoints = Endpoints::default();
        let names: Vec<&str> = endpoints.processes().map(|(name, _)| name).collect();
        assert_eq!((names.len(), names[0], names[8]), (9, "intake", "routing"));
    }
}
