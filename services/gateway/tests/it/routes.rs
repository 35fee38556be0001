//! Every route of the edge, read from its source: what is added is tested without anybody having to think of it.

use std::{fs, path::Path};

/// A route: its address with examples in the place of parameters, and its methods in lower case.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) pattern: String,
    pub(crate) path: String,
    pub(crate) methods: Vec<&'static str>,
}

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// All of them.
pub(crate) fn all() -> Vec<Route> {
    let mut routes = Vec::new();
    read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut routes);
    assert!(
        routes.len() > 20,
        "the source is not written as this reads it: {routes:?}"
    );
    routes
}

/// Those that take a method.
pub(crate) fn with(method: &str) -> Vec<Route> {
    all()
        .into_iter()
        .filter(|route| route.methods.contains(&method))
        .collect()
}

fn read(folder: &Path, routes: &mut Vec<Route>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, routes);
        } else {
            routes.extend(of_source(&fs::read_to_string(path).unwrap()));
        }
    }
}

fn of_source(source: &str) -> Vec<Route> {
    let calls = source.split(".route(").skip(1);
    calls
        .filter_map(|call| {
            let call = call.trim_start().strip_prefix('"')?;
            let (pattern, rest) = call.split_once('"')?;
            let rest = &rest[..end_of_call(rest)];
            let methods = METHODS
                .into_iter()
                .filter(|method| rest.contains(&format!("{method}(")));
            Some(Route {
                pattern: pattern.to_owned(),
                path: example(pattern),
                methods: methods.collect(),
            })
        })
        .collect()
}

/// Where the bracket closes that was open.
fn end_of_call(text: &str) -> usize {
    let mut open = 1;
    for (at, c) in text.char_indices() {
        match c {
            '(' => open += 1,
            ')' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return at;
        }
    }
    text.len()
}

fn example(pattern: &str) -> String {
    let segments = pattern.split('/').map(|segment| match segment {
        "{ticket}" => "TTS-00000000-0",
        "{case_id}" | "{one}" => crate::world::CASE,
        "{other}" => crate::world::OTHER_CASE,
        parameter if parameter.starts_with('{') => "contoh",
        plain => plain,
    });
    segments.collect::<Vec<_>>().join("/")
}
