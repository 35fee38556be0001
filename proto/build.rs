//! Compiles the .proto files without a system protoc.
use std::path::{Path, PathBuf};

use protox::prost::Message as _;

fn main() -> anyhow::Result<()> {
    let root = Path::new("proto");
    let mut files = Vec::new();
    collect(&root.join("tuntas"), &mut files)?;
    files.sort();
    let descriptors = protox::compile(&files, [root])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    let mut config = prost_build::Config::new();
    // Messages know their full name, so that tools can show any of them as JSON by its descriptor.
    config.enable_type_names();
    // Maps in the order of their keys, so that the same figures are the same bytes.
    config.btree_map(["."]);
    tonic_prost_build::configure()
        .codec_path("crate::codec::Codec")
        .compile_fds_with_config(descriptors, config)?;
    println!("cargo::rerun-if-changed=proto");
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|e| e == "proto") {
            files.push(path);
        }
    }
    Ok(())
}
