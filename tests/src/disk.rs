//! A small disk that a test can fill.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::script::ran;

/// A file system in memory over a folder, for as long as it lives.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one of this size, in KiB.
    ///
    /// # Errors
    /// Only root may mount.
    pub fn over(folder: &Path, kib: u32) -> anyhow::Result<Self> {
        fs::create_dir_all(folder)?;
        let options = format!("size={kib}k");
        ran(Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(folder))?;
        Ok(Self(folder.to_owned()))
    }

    /// Gives it another size, in KiB.
    ///
    /// # Errors
    /// What it holds is more.
    pub fn resize(&self, kib: u32) -> anyhow::Result<()> {
        let options = format!("remount,size={kib}k");
        ran(Command::new("mount").args(["-o", &options]).arg(&self.0))
    }

    /// Writes a file on it until it is full.
    ///
    /// # Errors
    /// It cannot be written for another reason.
    pub fn fill(&self) -> anyhow::Result<()> {
        use std::io::Write as _;
        let block = vec![0_u8; 1 << 20];
        let mut ballast = fs::File::create(self.ballast())?;
        loop {
            match ballast.write(&block) {
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Takes that file away again.
    ///
    /// # Errors
    /// It is not there.
    pub fn empty(&self) -> anyhow::Result<()> {
        Ok(fs::remove_file(self.ballast())?)
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // What is still in use goes with its last user.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
