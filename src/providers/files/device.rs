//! A block device as a source: one file, as long as the device, that a restore gives back as an image.

use crate::domain::{Kind, Problem, Result, Timestamp, printable};
use crate::providers::one_file::entry;
use crate::vault::{Content, Item, Source};
use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, FileTypeExt};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// A block device, read from its beginning to its end.
pub struct DeviceSource {
    device: Option<File>,
    size: u64,
    now: Timestamp,
    place: String,
    failed: Arc<Mutex<Option<String>>>,
}

/// True where the path is, or leads to, a block device.
pub fn is_device(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|meta| meta.file_type().is_block_device())
}

impl DeviceSource {
    /// Opens a device, for reading only.
    ///
    /// # Errors
    /// Where it is none, cannot be read, or holds nothing.
    pub fn open(path: &Path, now: Timestamp) -> Result<Self> {
        let place = printable(path.as_os_str().as_bytes());
        let failed = |error| Problem::io("opening the block device", error).at(place.clone());
        let mut device = File::open(path).map_err(failed)?;
        if !device.metadata().map_err(failed)?.file_type().is_block_device() {
            return Err(Problem::new(Kind::Usage, "no block device").at(place));
        }
        let size = device.seek(SeekFrom::End(0)).map_err(failed)?;
        if size == 0 {
            return Err(Problem::new(Kind::Refused, "the block device has no size: nothing is in it")
                .at(place)
                .remedy("see whether a medium is inserted, or the loop device attached"));
        }
        Ok(Self { device: Some(device), size, now, place, failed: Arc::default() })
    }
}

impl Source for DeviceSource {
    fn next(&mut self) -> Result<Option<Item>> {
        let Some(device) = self.device.take() else { return Ok(None) };
        let entry = entry(self.now, self.size);
        let content = DeviceContent { device, size: self.size, failed: self.failed.clone() };
        Ok(Some(Item::File(entry, Box::new(content))))
    }

    fn expected_bytes(&self) -> Option<u64> {
        Some(self.size)
    }

    /// A device is one file: without it there is no copy.
    fn finish(&mut self) -> Result<()> {
        match self.failed.lock().unwrap_or_else(PoisonError::into_inner).take() {
            None => Ok(()),
            Some(because) => Err(Problem::new(Kind::Io, because).at(self.place.clone()).remedy(
                "look at the system's log for errors of this device; an older recovery point may be sound",
            )),
        }
    }
}

struct DeviceContent {
    device: File,
    size: u64,
    failed: Arc<Mutex<Option<String>>>,
}

impl DeviceContent {
    fn failed(&self, because: String) -> String {
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(because.clone());
        because
    }
}

impl Content for DeviceContent {
    fn data_after(&mut self, offset: u64) -> std::result::Result<Option<(u64, u64)>, String> {
        Ok((offset < self.size).then_some((offset, self.size)))
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> std::result::Result<usize, String> {
        let wanted =
            usize::try_from(self.size - offset.min(self.size)).unwrap_or(usize::MAX).min(buffer.len());
        self.device
            .read_exact_at(&mut buffer[..wanted], offset)
            .map_err(|error| self.failed(format!("reading the block device at byte {offset}: {error}")))?;
        Ok(wanted)
    }

    fn has_changed(&mut self) -> std::result::Result<bool, String> {
        let size = self.device.seek(SeekFrom::End(0));
        match size.map_err(|error| self.failed(format!("asking the block device's size: {error}")))? {
            size if size == self.size => Ok(false),
            size => {
                let because = format!("the block device had {} bytes and now has {size}", self.size);
                Err(self.failed(because))
            }
        }
    }
}
