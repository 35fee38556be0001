//! The store of sealed files. What lies in it is ciphertext under random names.

use std::{path::Path as FsPath, sync::Arc};

use bytes::Bytes;
use object_store::{ObjectStore, ObjectStoreExt as _, local::LocalFileSystem, path::Path};
use uuid::Uuid;

/// Sealed files by id.
#[derive(Debug, Clone)]
pub struct FileStore {
    store: Arc<dyn ObjectStore>,
}

impl FileStore {
    /// A store in a folder, which is made if it is not there.
    ///
    /// # Errors
    /// The folder cannot be made or used.
    pub fn in_folder(folder: &FsPath) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let store = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true);
        Ok(Self { store: Arc::new(store) })
    }

    /// Keeps a file, durably, in one step.
    ///
    /// # Errors
    /// The store's.
    pub async fn put(&self, id: Uuid, sealed: Vec<u8>) -> object_store::Result<()> {
        self.store.put(&location(id), sealed.into()).await?;
        Ok(())
    }

    /// Reads a file.
    ///
    /// # Errors
    /// The store's.
    pub async fn get(&self, id: Uuid) -> object_store::Result<Bytes> {
        self.store.get(&location(id)).await?.bytes().await
    }

    /// Deletes a file; one that is not there is deleted already.
    ///
    /// # Errors
    /// The store's.
    pub async fn delete(&self, id: Uuid) -> object_store::Result<()> {
        match self.store.delete(&location(id)).await {
            Err(object_store::Error::NotFound { .. }) => Ok(()),
            outcome => outcome,
        }
    }
}

/// Spread over folders by the first byte of the random id.
fn location(id: Uuid) -> Path {
    let name = id.simple().to_string();
    Path::from_iter([name.get(..2).unwrap_or("00"), name.as_str()])
}
