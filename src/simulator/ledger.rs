//! The append-only ledger: every request that arrived and every effect, in the order in which they happened.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::sync::Arc;

use super::entry::LedgerEntry;

/// All entries since the start, and the file that they go to.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    entries: Vec<Arc<LedgerEntry>>,
    earlier: u64,
    file: Option<File>,
    wait_for_disk: bool,
    line: Vec<u8>,
}

impl Ledger {
    /// Opens the ledger file for appending; numbering goes on after what it already holds.
    pub(crate) fn open(path: &Path, wait_for_disk: bool) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).read(true).open(path)?;
        let earlier = BufReader::new(&file).lines().map_while(Result::ok).filter(|line| !line.is_empty()).count();
        Ok(Self { earlier: earlier as u64, file: Some(file), wait_for_disk, ..Self::default() })
    }

    /// Numbers the entry and appends it.
    pub(crate) fn append(&mut self, mut entry: LedgerEntry) -> Arc<LedgerEntry> {
        entry.seq = self.last_seq() + 1;
        if let Err(error) = self.write(&entry) {
            tracing::error!(ledger.seq = entry.seq, error = %error, "cannot write the ledger file");
        }
        let entry = Arc::new(entry);
        self.entries.push(Arc::clone(&entry));
        entry
    }

    /// The number of the newest entry.
    pub(crate) fn last_seq(&self) -> u64 {
        self.earlier + self.entries.len() as u64
    }

    /// Entries of this run after a sequence number.
    pub(crate) fn after(&self, seq: u64) -> &[Arc<LedgerEntry>] {
        let first = usize::try_from(seq.saturating_sub(self.earlier)).unwrap_or(usize::MAX);
        self.entries.get(first..).unwrap_or_default()
    }

    fn write(&mut self, entry: &LedgerEntry) -> io::Result<()> {
        let Some(file) = self.file.as_mut() else { return Ok(()) };
        self.line.clear();
        serde_json::to_writer(&mut self.line, entry)?;
        self.line.push(b'\n');
        file.write_all(&self.line)?;
        if self.wait_for_disk { file.sync_data() } else { Ok(()) }
    }
}
