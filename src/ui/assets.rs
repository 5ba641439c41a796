//! Styles, scripts and the icon: embedded, under names that hold a hash of their content, so that browsers keep them for
//! good and a new release is seen at once.

use std::io::Write as _;
use std::sync::OnceLock;

use flate2::{Compression, write::GzEncoder};
use sha2::{Digest as _, Sha256};

/// Where they are.
pub const PREFIX: &str = "/assets/";

/// The style of all pages.
pub static STYLE: Asset = Asset::new("app", "css", "text/css; charset=utf-8", include_bytes!("assets/app.css"));

/// Our script.
pub static SCRIPT: Asset = Asset::new("app", "js", "text/javascript; charset=utf-8", include_bytes!("assets/app.js"));

/// htmx 2.0.11, as it was published (Zero-Clause BSD, `assets/htmx.LICENSE`).
pub static HTMX: Asset =
    Asset::new("htmx", "js", "text/javascript; charset=utf-8", include_bytes!("assets/htmx.min.js"));

/// The icon.
pub static ICON: Asset = Asset::new("icon", "svg", "image/svg+xml", include_bytes!("assets/icon.svg"));

static ALL: [&Asset; 4] = [&STYLE, &SCRIPT, &HTMX, &ICON];

/// A file that pages load.
#[derive(Debug)]
pub struct Asset {
    name: &'static str,
    ending: &'static str,
    /// Its content type.
    pub content_type: &'static str,
    /// What is in it.
    pub bytes: &'static [u8],
    hash: OnceLock<String>,
    gzip: OnceLock<Vec<u8>>,
}

impl Asset {
    const fn new(name: &'static str, ending: &'static str, content_type: &'static str, bytes: &'static [u8]) -> Self {
        Self { name, ending, content_type, bytes, hash: OnceLock::new(), gzip: OnceLock::new() }
    }

    /// The one at the end of a path.
    pub fn find(file: &str) -> Option<&'static Self> {
        ALL.into_iter().find(|asset| asset.file() == file)
    }

    /// Where it is.
    pub fn path(&self) -> String {
        format!("{PREFIX}{}", self.file())
    }

    /// Compressed.
    pub fn gzip(&self) -> &[u8] {
        self.gzip.get_or_init(|| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            // Compressing to memory does not fail; should it, browsers get an empty file rather than half of one.
            encoder.write_all(self.bytes).and_then(|()| encoder.finish()).unwrap_or_default()
        })
    }

    fn file(&self) -> String {
        let hash = self.hash.get_or_init(|| {
            let hash = Sha256::digest(self.bytes);
            hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
        });
        format!("{}.{hash}.{}", self.name, self.ending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asset_is_found_by_the_name_that_pages_use() {
        for asset in ALL {
            let file = asset.path().strip_prefix(PREFIX).unwrap().to_owned();
            assert_eq!(Asset::find(&file).map(|found| found.bytes), Some(asset.bytes));
            assert!(asset.gzip().len() < asset.bytes.len());
        }
        assert!(Asset::find("app.css").is_none() && Asset::find("../app.css").is_none());
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere() {
        for asset in [&STYLE, &SCRIPT] {
            let text = String::from_utf8_lossy(asset.bytes);
            assert!(
                !text.contains("//cdn") && !text.contains("https://") && !text.contains("@import"),
                "{}",
                asset.name
            );
        }
    }
}
