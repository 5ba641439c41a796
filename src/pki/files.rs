//! Files that hold keys, and those beside them.

use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use zeroize::Zeroizing;

use super::Error;

/// More than any key or certificate chain needs.
const MAX_BYTES: u64 = 1024 * 1024;

/// Writes a new file that only its owner can read. Never overwrites; what it wrote is on disk when it returns.
pub fn write_secret(path: &Path, content: &[u8]) -> Result<(), Error> {
    write_new(path, content, 0o600)
}

/// Writes a new file that everybody may read.
pub fn write_public(path: &Path, content: &[u8]) -> Result<(), Error> {
    write_new(path, content, 0o644)
}

/// Reads a file that holds a secret. One that every user of the machine can reach is refused.
pub fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    let failed = |source| Error::File { doing: "read", path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    // Group access stays possible: container platforms mount volumes that way.
    if file.metadata().map_err(failed)?.permissions().mode() & 0o007 != 0 {
        return Err(Error::Exposed { path: path.to_owned() });
    }
    let mut content = Zeroizing::new(Vec::new());
    file.take(MAX_BYTES).read_to_end(&mut content).map_err(failed)?;
    Ok(content)
}

pub(super) fn read_public(path: &Path) -> Result<Vec<u8>, Error> {
    let failed = |source| Error::File { doing: "read", path: path.to_owned(), source };
    let mut content = Vec::new();
    File::open(path).map_err(failed)?.take(MAX_BYTES).read_to_end(&mut content).map_err(failed)?;
    Ok(content)
}

fn write_new(path: &Path, content: &[u8], mode: u32) -> Result<(), Error> {
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(content)?;
        file.sync_all()
    };
    write().map_err(|source| Error::File { doing: "write", path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;

    #[test]
    fn a_secret_file_is_for_its_owner_alone_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        write_secret(&path, b"one").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(write_secret(&path, b"two").is_err());
        assert_eq!(read_secret(&path).unwrap().as_slice(), b"one");
    }

    #[test]
    fn a_secret_that_everybody_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        write_secret(&path, b"one").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let error = read_secret(&path).unwrap_err();
        assert!(matches!(error, Error::Exposed { .. }));
        assert!(error.hint().unwrap().starts_with("chmod 600 "));
    }
}
