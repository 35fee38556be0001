//! The directory: imported from files, listed, acting holders, outages.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tuntas_domain::Policy;
use tuntas_proto::{
    Timestamp,
    event::v1::{
        Agency, CalendarChanged, Category, DirectoryChanged, HolderTerm, Position, Region, directory_changed::Change,
    },
    routing::v1::{
        AppointActingHolderRequest, HolderContact, ImportDirectoryRequest, ListDirectoryRequest, PutHolidaysRequest,
        PutPolicyRequest, RecordOutageRequest,
    },
    wire_time,
};

use super::Context;
use crate::{
    error::{CtlError, Result, at_path},
    platform::Who,
    quiet, render, rpc, wib,
};

/// How long every service may take to hear of an import.
const REPLICAS_WITHIN: Duration = Duration::from_secs(120);

/// Commands of this group.
#[derive(Debug, clap::Subcommand)]
pub enum DirectoryCommand {
    /// Agencies, positions, holders, categories, regions, holidays and policy
    #[command(subcommand)]
    Directory(ListOrImport),
    /// Name an acting holder (Plt/Plh) of a position
    Acting {
        /// Position
        position: String,
        /// Holder
        holder: String,
        /// First day or instant
        #[arg(long)]
        from: String,
        /// First day or instant no longer in the term
        #[arg(long)]
        until: String,
    },
    /// Declare that the platform could not take commands for a while
    Outage {
        /// Start, such as 2026-11-20T08:00:00+07:00
        #[arg(long)]
        from: String,
        /// End
        #[arg(long)]
        until: String,
        /// Cause
        #[arg(long)]
        cause: String,
    },
}

/// Subcommands of `directory`.
#[derive(Debug, clap::Subcommand)]
pub enum ListOrImport {
    /// Import opds.csv, authorities.csv, categories.csv, regions.csv, positions.csv, holders.csv, holidays.csv and
    /// policy.json of a folder; files that are not there are left out, importing again changes nothing
    Import {
        /// Folder
        dir: PathBuf,
    },
    /// List the directory
    List {
        /// Only this agency
        #[arg(long, default_value = "")]
        opd: String,
        /// Positions with their holders instead of agencies
        #[arg(long, group = "what")]
        positions: bool,
        /// Categories instead of agencies
        #[arg(long, group = "what")]
        categories: bool,
        /// Regions instead of agencies
        #[arg(long, group = "what")]
        regions: bool,
        /// Other authorities instead of the province's agencies
        #[arg(long, group = "what")]
        authorities: bool,
        /// As it stood then
        #[arg(long)]
        at: Option<String>,
    },
}

/// Kind of an authority that is not the province's.
const EXTERNAL: &str = "external";

/// Runs a command of this group.
///
/// # Errors
/// What routing says, or a file is not what it should be.
pub async fn run(command: DirectoryCommand, context: &Context) -> Result<()> {
    let platform = &context.platform;
    match command {
        DirectoryCommand::Directory(ListOrImport::Import { dir }) => import(context, &dir).await,
        DirectoryCommand::Directory(ListOrImport::List {
            opd,
            positions,
            categories,
            regions,
            authorities,
            at,
        }) => {
            let at = at.map(|at| timestamp("--at", &at)).transpose()?;
            let request = ListDirectoryRequest { opd_code: opd, at };
            let response = rpc!(platform, context.reader(), directory_service().list_directory(request))?;
            context.screen.show(&response, |list| {
                if positions {
                    positions_table(list, platform.now())
                } else if categories {
                    let rows = list.categories.iter().map(|c| {
                        vec![
                            c.code.clone(),
                            c.name_id.clone(),
                            c.default_opd.clone(),
                            c.competence.clone(),
                        ]
                    });
                    render::table(&["KODE", "NAMA", "OPD", "KEWENANGAN"], &rows.collect::<Vec<_>>())
                } else if regions {
                    let rows = list
                        .regions
                        .iter()
                        .map(|r| vec![r.code.clone(), r.bps_code.clone(), r.name.clone(), r.kind.clone()]);
                    render::table(&["KODE", "BPS", "NAMA", "JENIS"], &rows.collect::<Vec<_>>())
                } else {
                    let wanted = list
                        .agencies
                        .iter()
                        .filter(|agency| (agency.kind == EXTERNAL) == authorities);
                    let rows = wanted.map(|a| {
                        vec![
                            a.code.clone(),
                            a.kind.clone(),
                            a.short_name.clone(),
                            a.official_name.clone(),
                            a.head_echelon.clone(),
                        ]
                    });
                    render::table(
                        &["KODE", "JENIS", "NAMA", "NAMA RESMI", "ESELON"],
                        &rows.collect::<Vec<_>>(),
                    )
                }
            })
        }
        DirectoryCommand::Acting {
            position,
            holder,
            from,
            until,
        } => {
            let request = AppointActingHolderRequest {
                idempotency_key: context.key.clone(),
                position_id: position,
                holder_id: holder,
                from: Some(timestamp("--from", &from)?),
                until: Some(timestamp("--until", &until)?),
            };
            let response = rpc!(
                platform,
                context.reader(),
                directory_service().appoint_acting_holder(request)
            )?;
            context
                .screen
                .show(&response, |response| format!("term {}", response.term_id))
        }
        DirectoryCommand::Outage { from, until, cause } => {
            let request = RecordOutageRequest {
                idempotency_key: context.key.clone(),
                from: Some(timestamp("--from", &from)?),
                to: Some(timestamp("--until", &until)?),
                cause,
            };
            let response = rpc!(platform, context.reader(), cases().record_outage(request))?;
            context.screen.show(&response, |response| {
                format!("{} breaches corrected", response.corrected)
            })
        }
    }
}

fn timestamp(option: &str, text: &str) -> Result<Timestamp> {
    wib::parse_instant(text).map(wire_time::timestamp).ok_or_else(|| {
        CtlError::usage(format!("{option}: {text} is neither a date nor an instant"))
            .next("write 2026-11-20, or 2026-11-20T08:00:00+07:00")
    })
}

fn positions_table(list: &tuntas_proto::routing::v1::ListDirectoryResponse, now: time::OffsetDateTime) -> String {
    let directory = crate::directory::Directory::from(list.clone());
    let rows = list.positions.iter().map(|position| {
        let holder = directory.holder(&position.id, now).unwrap_or("(vacant)");
        vec![
            position.id.clone(),
            position.echelon.clone(),
            position.roles.join(" "),
            holder.to_owned(),
            position.title.clone(),
        ]
    });
    render::table(
        &["JABATAN", "ESELON", "PERAN", "PEJABAT", "NAMA JABATAN"],
        &rows.collect::<Vec<_>>(),
    )
}

async fn import(context: &Context, dir: &Path) -> Result<()> {
    let platform = &context.platform;
    let (entries, contacts) = read_entries(dir)?;
    let holidays: Vec<CalendarChanged> = rows::<HolidayRow>(dir, "holidays.csv")?
        .into_iter()
        .map(|row| CalendarChanged {
            date: row.date,
            kind: row.kind,
            name: row.name_id,
            removed: false,
        })
        .collect();
    if entries.is_empty() && holidays.is_empty() {
        return Err(
            CtlError::usage(format!("{} has none of the files of a directory", dir.display()))
                .next("deploy/riau is an example of such a folder"),
        );
    }
    let mut report = serde_json::Map::new();
    // Keys derive from what is imported: the same import again is the same request.
    let key = |what: &str, bytes: &[u8]| format!("import:{what}:{}", &hex::encode(Sha256::digest(bytes))[..32]);
    if !entries.is_empty() {
        let mut request = ImportDirectoryRequest {
            idempotency_key: String::new(),
            entries,
            contacts,
        };
        request.idempotency_key = key("directory", &prost::Message::encode_to_vec(&request));
        let response = rpc!(platform, Who::Operator, directory_service().import_directory(request))?;
        report.insert(
            "entries".to_owned(),
            serde_json::json!({"changed": response.changed, "unchanged": response.unchanged}),
        );
    }
    if !holidays.is_empty() {
        let mut request = PutHolidaysRequest {
            idempotency_key: String::new(),
            holidays,
        };
        request.idempotency_key = key("holidays", &prost::Message::encode_to_vec(&request));
        let response = rpc!(platform, Who::Operator, directory_service().put_holidays(request))?;
        report.insert(
            "holidays".to_owned(),
            serde_json::json!({"changed": response.changed, "deadlines_moved": response.deadlines_moved}),
        );
    }
    let policy_file = dir.join("policy.json");
    if policy_file.exists() {
        let policy_json = std::fs::read_to_string(&policy_file).map_err(at_path(&policy_file))?;
        let policy: Policy = serde_json::from_str(&policy_json)
            .map_err(|e| CtlError::usage(format!("{}: {e}", policy_file.display())))?;
        let effective_from = Some(wire_time::timestamp(policy.effective_from));
        let request = PutPolicyRequest {
            idempotency_key: key("policy", policy_json.as_bytes()),
            policy_json,
            effective_from,
        };
        let response = rpc!(platform, Who::Operator, directory_service().put_policy(request))?;
        report.insert("policy".to_owned(), serde_json::json!({"version": response.version}));
    }
    platform.forget_directory();
    // Until a service has heard of a position, it takes its holder for a stranger.
    quiet::settle_directory(platform, REPLICAS_WITHIN).await?;
    let value = serde_json::Value::Object(report);
    context
        .screen
        .show_value(&value, || format!("imported from {}: {value}", dir.display()))
}

#[derive(Deserialize)]
struct OpdRow {
    code: String,
    kind: String,
    short_name: String,
    official_name: String,
    head_echelon: String,
}

#[derive(Deserialize)]
struct AuthorityRow {
    code: String,
    name: String,
    region: String,
}

#[derive(Deserialize)]
struct CategoryRow {
    code: String,
    name_id: String,
    name_en: String,
    default_opd: String,
    competence: String,
    examples_id: String,
}

#[derive(Deserialize)]
struct RegionRow {
    kemendagri_code: String,
    bps_code: String,
    name: String,
    kind: String,
}

#[derive(Deserialize)]
struct PositionRow {
    id: String,
    opd: String,
    title_id: String,
    echelon: String,
    roles: String,
    superior: String,
}

#[derive(Deserialize)]
struct HolderRow {
    id: String,
    position: String,
    name: String,
    email: String,
    from: String,
    until: String,
}

#[derive(Deserialize)]
struct HolidayRow {
    date: String,
    kind: String,
    name_id: String,
}

fn rows<T: for<'de> Deserialize<'de>>(dir: &Path, name: &str) -> Result<Vec<T>> {
    let file = dir.join(name);
    if !file.exists() {
        return Ok(Vec::new());
    }
    let mut reader = csv::Reader::from_path(&file).map_err(|e| CtlError::failure(&file.display().to_string(), e))?;
    reader
        .deserialize()
        .collect::<std::result::Result<_, _>>()
        .map_err(|e| CtlError::usage(format!("{}: {e}", file.display())))
}

/// Everything of a folder that goes into the directory, in the order in which entries refer to each other.
fn read_entries(dir: &Path) -> Result<(Vec<DirectoryChanged>, Vec<HolderContact>)> {
    let mut changes = Vec::new();
    changes.extend(rows::<RegionRow>(dir, "regions.csv")?.into_iter().map(|row| {
        Change::Region(Region {
            code: row.kemendagri_code,
            bps_code: row.bps_code,
            name: row.name,
            kind: row.kind,
        })
    }));
    changes.extend(rows::<OpdRow>(dir, "opds.csv")?.into_iter().map(|row| {
        Change::Agency(Agency {
            code: row.code,
            kind: row.kind,
            short_name: row.short_name,
            official_name: row.official_name,
            head_echelon: row.head_echelon,
            active: true,
            region_code: String::new(),
        })
    }));
    changes.extend(rows::<AuthorityRow>(dir, "authorities.csv")?.into_iter().map(|row| {
        Change::Agency(Agency {
            code: row.code,
            kind: EXTERNAL.to_owned(),
            short_name: row.name.clone(),
            official_name: row.name,
            head_echelon: String::new(),
            active: true,
            region_code: row.region,
        })
    }));
    changes.extend(rows::<CategoryRow>(dir, "categories.csv")?.into_iter().map(|row| {
        let examples_id = row
            .examples_id
            .split(';')
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
            .collect();
        Change::Category(Category {
            code: row.code,
            name_id: row.name_id,
            name_en: row.name_en,
            default_opd: row.default_opd,
            competence: row.competence,
            examples_id,
        })
    }));
    changes.extend(rows::<PositionRow>(dir, "positions.csv")?.into_iter().map(|row| {
        let roles = row.roles.split_whitespace().map(str::to_owned).collect();
        Change::Position(Position {
            id: row.id,
            opd_code: row.opd,
            title: row.title_id,
            echelon: row.echelon,
            roles,
            superior_id: row.superior,
            active: true,
        })
    }));
    let mut contacts = Vec::new();
    for row in rows::<HolderRow>(dir, "holders.csv")? {
        changes.push(Change::HolderTerm(term(&row)?));
        contacts.push(HolderContact {
            holder_id: row.id,
            name: row.name,
            email: row.email,
        });
    }
    Ok((
        changes
            .into_iter()
            .map(|change| DirectoryChanged { change: Some(change) })
            .collect(),
        contacts,
    ))
}

fn term(row: &HolderRow) -> Result<HolderTerm> {
    let from = timestamp("holders.csv: from", &row.from)?;
    let until = if row.until.is_empty() {
        None
    } else {
        Some(timestamp("holders.csv: until", &row.until)?)
    };
    Ok(HolderTerm {
        holder_id: row.id.clone(),
        position_id: row.position.clone(),
        from: Some(from),
        until,
        acting: false,
        term_id: derived_id(&format!("{}|{}|{}", row.position, row.id, row.from)).to_string(),
    })
}

/// A UUID that is the same at every import of the same term.
fn derived_id(of: &str) -> uuid::Uuid {
    let digest = Sha256::digest(of.as_bytes());
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;

    #[test]
    fn the_shipped_directory_is_read_whole_and_the_same_way_twice() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../riau");
        let (entries, contacts) = read_entries(&dir).unwrap();
        assert_eq!(contacts.len(), 212);
        // 12 regions, 45 agencies, 19 authorities, 59 categories, 212 positions, 212 terms.
        assert_eq!(entries.len(), 12 + 45 + 19 + 59 + 212 + 212);
        assert_eq!(read_entries(&dir).unwrap().0, entries);
    }
}
