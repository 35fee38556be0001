//! What differs between two documents of JSON, leaf by leaf: how a policy is read before it is put into force.

use std::collections::BTreeMap;

use serde_json::Value;

/// A leaf that differs. An empty side means that it has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where it stands, such as `limits.resolution.days`.
    pub path: String,
    /// What it was.
    pub before: String,
    /// What it becomes.
    pub after: String,
}

/// The leaves that differ, by path.
#[must_use]
pub fn between(before: &Value, after: &Value) -> Vec<Difference> {
    let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
    flatten("", before, &mut old);
    flatten("", after, &mut new);
    let mut paths: Vec<&String> = old.keys().chain(new.keys()).collect();
    paths.sort();
    paths.dedup();
    let side = |leaves: &BTreeMap<String, String>, path: &String| leaves.get(path).cloned().unwrap_or_default();
    paths
        .into_iter()
        .map(|path| Difference {
            path: path.clone(),
            before: side(&old, path),
            after: side(&new, path),
        })
        .filter(|difference| difference.before != difference.after)
        .collect()
}

fn flatten(path: &str, value: &Value, leaves: &mut BTreeMap<String, String>) {
    let below = |name: &str| {
        if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        }
    };
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                flatten(&below(name), value, leaves);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (place, value) in items.iter().enumerate() {
                flatten(&below(&place.to_string()), value, leaves);
            }
        }
        leaf => {
            leaves.insert(path.to_owned(), leaf.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_leaves_that_differ_are_named() {
        let before = json!({"version": 1, "limits": {"days": 14, "hours": 2}, "ladder": [1, 2]});
        let after = json!({"version": 2, "limits": {"days": 14}, "ladder": [1, 3, 5]});
        let found: Vec<(String, String, String)> = between(&before, &after)
            .into_iter()
            .map(|one| (one.path, one.before, one.after))
            .collect();
        let expected = [
            ("ladder.1", "2", "3"),
            ("ladder.2", "", "5"),
            ("limits.hours", "2", ""),
            ("version", "1", "2"),
        ];
        let expected = expected.map(|(path, old, new)| (path.to_owned(), old.to_owned(), new.to_owned()));
        assert_eq!(found, expected);
        assert!(between(&before, &before).is_empty());
    }
}
