//! The trust folder: a key pair for each that may assert something, the trust file that names them all, and the two
//! secrets of intake. Made once; what exists is kept, so that calling it at every start is safe.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use tuntas_kit::{
    auth::{Kind, Signer, TrustEntry, generate_keypair},
    ids::random_bytes,
};

use crate::{
    error::{CtlError, Result, at_path},
    platform::Signers,
};

/// Key id and service name under which officers' logins are asserted.
pub const EDGE: &str = "gateway";
/// Key id and service name of this command line.
pub const CTL: &str = "ctl";
/// The trust file.
pub const TRUST_FILE: &str = "trust.json";
/// Master key of the vault: 32 bytes in hexadecimal.
pub const VAULT_KEY_FILE: &str = "vault-master.key";
/// Secret from which receipt codes derive: 32 bytes in hexadecimal.
pub const RECEIPT_SECRET_FILE: &str = "receipt.secret";
const SERVICES: [&str; 5] = ["intake", "routing", "notification", "evaluation", "oversight"];

/// What was made and what was there.
#[derive(Debug, Default, serde::Serialize)]
pub struct KeysReport {
    /// Files made now.
    pub made: Vec<PathBuf>,
    /// Files that were there.
    pub kept: Vec<PathBuf>,
}

/// A desk deployment that gets a key: `NAME=OPD+OPD`, `*` for all.
#[derive(Debug, Clone)]
pub struct DeskKey {
    /// Key id.
    pub name: String,
    /// Agencies it may speak for.
    pub opds: Vec<String>,
}

impl std::str::FromStr for DeskKey {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let (name, opds) = text.split_once('=').ok_or("expected NAME=OPD+OPD, or NAME=*")?;
        Ok(Self {
            name: name.to_owned(),
            opds: opds.split('+').map(str::to_owned).collect(),
        })
    }
}

/// Makes what is missing in `dir`.
///
/// # Errors
/// The folder cannot be written, or a file in it is not what it should be.
pub fn init(dir: &Path, desks: &[DeskKey]) -> Result<KeysReport> {
    if !dir.is_dir() {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(at_path(dir))?;
    }
    let mut report = KeysReport::default();
    let trust_file = dir.join(TRUST_FILE);
    let mut trust = read_trust(&trust_file)?;
    let before = serde_json::to_value(&trust).map_err(|e| CtlError::failure(TRUST_FILE, e))?;
    for (id, service, kinds, opds) in holders(desks) {
        let file = dir.join(format!("{id}.pem"));
        if file.exists() && trust.contains_key(&id) {
            report.kept.push(file);
            continue;
        }
        let pair = generate_keypair()?;
        write_secret(&file, pair.private_key_pem.as_bytes())?;
        trust.insert(
            id,
            TrustEntry {
                public_key: pair.public_key,
                may_assert: kinds,
                service,
                opds,
            },
        );
        report.made.push(file);
    }
    for name in [VAULT_KEY_FILE, RECEIPT_SECRET_FILE] {
        let file = dir.join(name);
        if file.exists() {
            report.kept.push(file);
        } else {
            write_secret(&file, hex::encode(random_bytes::<32>()).as_bytes())?;
            report.made.push(file);
        }
    }
    let after = serde_json::to_value(&trust).map_err(|e| CtlError::failure(TRUST_FILE, e))?;
    if before == after && trust_file.exists() {
        report.kept.push(trust_file);
    } else {
        let text = serde_json::to_string_pretty(&after).map_err(|e| CtlError::failure(TRUST_FILE, e))?;
        write_secret(&trust_file, text.as_bytes())?;
        report.made.push(trust_file);
    }
    Ok(report)
}

/// The keys of this command line.
///
/// # Errors
/// One of them is not in the folder.
pub fn signers(dir: &Path) -> Result<Signers> {
    let signer = |name: &str| {
        Signer::from_file(name, &dir.join(format!("{name}.pem"))).map_err(|error| {
            CtlError::usage(format!("no key to act with: {error}"))
                .next("say with --state (or TUNTAS_TRUST_DIR) which platform is meant; `tuntas keys init` makes what is missing")
        })
    };
    Ok(Signers {
        edge: signer(EDGE)?,
        ctl: signer(CTL)?,
    })
}

type Holder = (String, String, Vec<Kind>, Vec<String>);

fn holders(desks: &[DeskKey]) -> Vec<Holder> {
    let edge = (
        EDGE.to_owned(),
        EDGE.to_owned(),
        vec![Kind::Position, Kind::Service],
        vec!["*".to_owned()],
    );
    let ctl = (
        CTL.to_owned(),
        CTL.to_owned(),
        vec![Kind::Service],
        vec!["*".to_owned()],
    );
    let service = |name: &str| {
        (
            name.to_owned(),
            name.to_owned(),
            vec![Kind::Service],
            vec!["*".to_owned()],
        )
    };
    let desk = |desk: &DeskKey| {
        (
            desk.name.clone(),
            "desk".to_owned(),
            vec![Kind::Service],
            desk.opds.clone(),
        )
    };
    [edge, ctl]
        .into_iter()
        .chain(SERVICES.into_iter().map(service))
        .chain(desks.iter().map(desk))
        .collect()
}

fn read_trust(file: &Path) -> Result<BTreeMap<String, TrustEntry>> {
    match fs::read_to_string(file) {
        Ok(text) => serde_json::from_str(&text).map_err(|e| {
            CtlError::usage(format!("{} is not a trust file: {e}", file.display()))
                .next("move it away: it is made anew")
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(at_path(file)(error)),
    }
}

/// Writes a file that only its owner reads, in one step.
pub(crate) fn write_secret(file: &Path, content: &[u8]) -> Result<()> {
    let beside = file.with_extension("new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut open = options.open(&beside).map_err(at_path(&beside))?;
    open.write_all(content)
        .and_then(|()| open.sync_all())
        .map_err(at_path(&beside))?;
    fs::rename(&beside, file).map_err(at_path(file))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use std::os::unix::fs::PermissionsExt as _;

    use tuntas_kit::auth::TrustStore;

    use super::*;

    #[test]
    fn keys_are_made_once_and_the_trust_file_names_them() {
        let dir = std::env::temp_dir().join(format!("tuntas-keys-{}", std::process::id()));
        let desks = ["desk-dishub=dishub".parse().unwrap(), "desk-others=*".parse().unwrap()];
        let first = init(&dir, &desks).unwrap();
        assert_eq!((first.made.len(), first.kept.len()), (12, 0));
        let key = fs::read(dir.join("gateway.pem")).unwrap();
        let second = init(&dir, &desks).unwrap();
        assert_eq!((second.made.len(), second.kept.len()), (0, 12));
        assert_eq!(fs::read(dir.join("gateway.pem")).unwrap(), key);
        assert_eq!(
            fs::metadata(dir.join(VAULT_KEY_FILE)).unwrap().permissions().mode() & 0o777,
            0o600
        );

        let at = time::macros::datetime!(2026-10-01 00:00 UTC);
        let token = signers(&dir).unwrap().ctl.service(CTL, at).unwrap();
        let assertion = TrustStore::from_file(&dir.join(TRUST_FILE))
            .unwrap()
            .verify(&token, at)
            .unwrap();
        assert_eq!(assertion.subject, CTL);
        fs::remove_dir_all(&dir).unwrap();
    }
}
