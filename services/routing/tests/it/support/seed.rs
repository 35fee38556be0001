//! A small part of Riau's directory, from the data that the product ships.

use std::{collections::BTreeMap, path::PathBuf};

use time::macros::datetime;
use tuntas_proto::{
    event::v1::{
        Agency, CalendarChanged, Category, DirectoryChanged, HolderTerm, Position, Region, directory_changed::Change,
    },
    routing::v1::HolderContact,
    wire_time::timestamp,
};

/// Agencies of the small directory.
pub(crate) const OPDS: [&str; 5] = ["dishub", "pupr-pkpp", "diskominfotik", "inspektorat", "dlhk"];

pub(super) fn rows(file: &str) -> Vec<BTreeMap<String, String>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../deploy/riau");
    csv::Reader::from_path(folder.join(file))
        .unwrap()
        .deserialize()
        .collect::<Result<_, _>>()
        .unwrap()
}

fn is_in(opd: &str) -> bool {
    opd.is_empty() || OPDS.contains(&opd)
}

/// Entries of the small directory.
pub(crate) fn entries() -> Vec<DirectoryChanged> {
    let mut changes = Vec::new();
    for row in rows("regions.csv") {
        changes.push(Change::Region(Region {
            code: row["kemendagri_code"].clone(),
            bps_code: row["bps_code"].clone(),
            name: row["name"].clone(),
            kind: row["kind"].clone(),
        }));
    }
    for row in rows("opds.csv").into_iter().filter(|row| is_in(&row["code"])) {
        changes.push(Change::Agency(Agency {
            code: row["code"].clone(),
            kind: row["kind"].clone(),
            short_name: row["short_name"].clone(),
            official_name: row["official_name"].clone(),
            head_echelon: row["head_echelon"].clone(),
            active: true,
            region_code: String::new(),
        }));
    }
    for row in rows("authorities.csv") {
        changes.push(Change::Agency(Agency {
            code: row["code"].clone(),
            kind: "external".to_owned(),
            short_name: row["name"].clone(),
            official_name: row["name"].clone(),
            active: true,
            region_code: row["region"].clone(),
            ..Agency::default()
        }));
    }
    for row in rows("categories.csv")
        .into_iter()
        .filter(|row| is_in(&row["default_opd"]))
    {
        changes.push(Change::Category(Category {
            code: row["code"].clone(),
            name_id: row["name_id"].clone(),
            name_en: row["name_en"].clone(),
            default_opd: row["default_opd"].clone(),
            competence: row["competence"].clone(),
            examples_id: row["examples_id"].split("; ").map(str::to_owned).collect(),
        }));
    }
    for row in rows("positions.csv").into_iter().filter(|row| is_in(&row["opd"])) {
        changes.push(Change::Position(Position {
            id: row["id"].clone(),
            opd_code: row["opd"].clone(),
            title: row["title_id"].clone(),
            echelon: row["echelon"].clone(),
            roles: row["roles"].split_whitespace().map(str::to_owned).collect(),
            superior_id: row["superior"].clone(),
            active: true,
        }));
    }
    changes.extend(held().map(|row| {
        Change::HolderTerm(HolderTerm {
            holder_id: row["id"].clone(),
            position_id: row["position"].clone(),
            from: Some(timestamp(datetime!(2020-01-01 00:00 +7))),
            until: None,
            acting: false,
            term_id: String::new(),
        })
    }));
    changes
        .into_iter()
        .map(|change| DirectoryChanged { change: Some(change) })
        .collect()
}

fn held() -> impl Iterator<Item = BTreeMap<String, String>> {
    let known: Vec<String> = rows("positions.csv")
        .into_iter()
        .filter(|row| is_in(&row["opd"]))
        .map(|row| row["id"].clone())
        .collect();
    rows("holders.csv")
        .into_iter()
        .filter(move |row| known.contains(&row["position"]))
}

pub(crate) fn contacts() -> Vec<HolderContact> {
    held()
        .map(|row| HolderContact {
            holder_id: row["id"].clone(),
            name: row["name"].clone(),
            email: row["email"].clone(),
        })
        .collect()
}

pub(crate) fn holidays() -> Vec<CalendarChanged> {
    rows("holidays.csv")
        .into_iter()
        .map(|row| CalendarChanged {
            date: row["date"].clone(),
            kind: row["kind"].clone(),
            name: row["name_id"].clone(),
            removed: false,
        })
        .collect()
}
