use std::{collections::BTreeSet, fs, path::Path};

use regex::Regex;
use serde_json::Value;
use tuntas_gateway::openapi::DOCUMENT;

/// Endpoints for programs: under these, or with these endings.
fn is_for_programs(path: &str) -> bool {
    let file = [".json", ".xml", ".csv", ".txt"]
        .iter()
        .any(|ending| path.ends_with(ending));
    let officers = path.starts_with("/petugas") || path.starts_with("/admin") || path.starts_with("/ombudsman");
    path.starts_with("/api/") || path.starts_with("/open311/") || (file && !officers)
}

fn routes_in(folder: &Path, found: &mut BTreeSet<String>) {
    let route = Regex::new(r#"\.route\(\s*"([^"]+)""#).unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            routes_in(&path, found);
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        found.extend(route.captures_iter(&source).map(|captures| captures[1].to_owned()));
    }
}

#[test]
fn every_endpoint_for_programs_is_described_and_no_other() {
    let mut routes = BTreeSet::new();
    routes_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut routes);
    let routes: BTreeSet<String> = routes
        .into_iter()
        .filter(|path| is_for_programs(path) && !path.contains("{*"))
        .collect();
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let parameter = Regex::new(r"/\{[a-z_]+\}\.\{format\}$").unwrap();
    let mut described = BTreeSet::new();
    for path in document["paths"].as_object().unwrap().keys() {
        let path = parameter.replace(path, "/{name}");
        if path.contains("{format}") {
            described.extend(["json", "xml"].map(|format| path.replace("{format}", format)));
        } else {
            described.insert(path.into_owned());
        }
    }
    assert_eq!(routes, described);
}

#[test]
fn every_reference_leads_somewhere() {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let reference = Regex::new(r##""\$ref": ?"#([^"]+)""##).unwrap();
    let mut seen = 0;
    for captures in reference.captures_iter(DOCUMENT) {
        assert!(document.pointer(&captures[1]).is_some(), "{}", &captures[1]);
        seen += 1;
    }
    assert!(seen > 10);
}
