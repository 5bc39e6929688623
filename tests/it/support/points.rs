//! Places in the daemon at which a test kills or halts it (`src/fault_points.rs`).

use std::fs;
use std::path::{Path, PathBuf};

use super::order::BY_ITSELF;
use super::shop::Shop;
use super::wait::until_true;

/// The folder in which places are armed.
pub(crate) struct Points(PathBuf);

impl Points {
    pub(crate) fn of(shop: &Shop) -> Self {
        let folder = shop.folder.join("points");
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub(crate) fn arm(&self, place: &str) {
        let _ = fs::remove_file(self.0.join(format!("{}.fired", place.split('@').next().unwrap())));
        fs::write(self.0.join(place), "").unwrap();
    }

    pub(crate) fn fired(&self, place: &str) -> bool {
        self.0.join(format!("{place}.fired")).exists()
    }

    pub(crate) async fn strikes(&self, place: &str) {
        until_true(&format!("{place} strikes"), BY_ITSELF, async || self.fired(place)).await;
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}
