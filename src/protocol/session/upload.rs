//! Values too large for one message, on their way to us (OMA DM Protocol 7, MS-MDM 2.2.5.3).

use super::correlate::{format_of, result_uri};
use super::process::{UploadStep, Work};
use super::{Timestamp, Upload, UploadOf};
use crate::syncml::{AlertCode, Format, Item, Results, StatusCode};

/// Chunks of one value: a device that sends next to nothing in each would never end.
const MAX_CHUNKS: u32 = 4096;

impl Work<'_> {
    /// Takes a Results whose item is a chunk, or the last part of what came in chunks. The Status that answers it.
    pub(super) fn take_chunk(&mut self, results: &Results, item: &Item) -> StatusCode {
        let length = item.text().len() as u64;
        let open = self.session.upload.take_if(|upload| upload.of.is_of(results, item));
        let mut upload = match open {
            Some(upload) => upload,
            None => match self.begin_upload(results, item) {
                Ok(upload) => upload,
                Err(code) => {
                    self.session.given_up = Some(UploadOf::new(results, item));
                    return code;
                }
            },
        };
        self.upload_continued = true;
        self.session.given_up = None;
        // Whoever keeps the chunks may have deleted them.
        if self.now.millis_since(upload.began_at) > self.rules.upload_timeout {
            self.anomaly("upload_too_slow", || format!("{} took too long to come", upload.of.uri));
            return self.give_up(upload, StatusCode::SIZE_MISMATCH);
        }
        upload.received = upload.received.saturating_add(length);
        upload.symbols = upload.symbols.saturating_add(symbols(item.text()));
        if upload.received > self.rules.max_upload || upload.chunks >= MAX_CHUNKS {
            return self.give_up(upload, StatusCode::TOO_LARGE);
        }
        if upload.is_too_long() || (!item.more_data && !upload.is_whole()) {
            return self.give_up(upload, StatusCode::SIZE_MISMATCH);
        }
        if item.more_data {
            if length > self.upload_room {
                self.anomaly("upload_without_room", || format!("no room for the rest of {}", upload.of.uri));
                return self.give_up(upload, StatusCode::TOO_LARGE);
            }
            self.upload_room -= length;
            upload.chunks = upload.chunks.saturating_add(1);
            self.steps.push(UploadStep::Append { number: upload.chunks, data: item.text().to_owned() });
            self.session.upload = Some(upload);
            self.wants_next = true;
            return StatusCode::BUFFERED;
        }
        match self.apply_result(results, item, true) {
            Some((command, item)) => {
                let bytes = upload.received - length;
                self.steps.push(UploadStep::Complete { command, item, bytes });
            }
            None => self.steps.push(UploadStep::Drop),
        }
        StatusCode::OK
    }

    /// What was collected is of no use any more.
    fn give_up(&mut self, upload: Upload, code: StatusCode) -> StatusCode {
        self.steps.push(UploadStep::Drop);
        self.session.given_up = Some(upload.of);
        code
    }

    /// Whether a Results item is a chunk or continues one.
    pub(super) fn is_chunk(&self, results: &Results, item: &Item) -> bool {
        item.more_data || self.session.upload.as_ref().is_some_and(|upload| upload.of.is_of(results, item))
    }

    /// Whether a Results item is the end of a value whose chunks were given up. A last chunk looks like a whole value,
    /// and only a Size shows that the value begins anew.
    pub(super) fn is_rest(&self, results: &Results, item: &Item) -> bool {
        announced(results, item).is_none() && self.session.given_up.as_ref().is_some_and(|of| of.is_of(results, item))
    }

    fn begin_upload(&mut self, results: &Results, item: &Item) -> Result<Upload, StatusCode> {
        if self.session.upload.is_some() {
            self.interrupt_upload();
        }
        if !self.expects(results) {
            self.anomaly("results_of_nothing", || format!("a chunk of {} was not asked for", uri_of(results, item)));
            return Err(StatusCode::BAD_REQUEST);
        }
        let announced = announced(results, item).ok_or(StatusCode::SIZE_REQUIRED)?;
        if announced > self.rules.max_upload {
            return Err(StatusCode::SIZE_TOO_BIG);
        }
        Ok(Upload { announced, began_at: self.now, ..Upload::new(results, item) })
    }

    /// Something else came where the next chunk was due: what there is is dropped, and the device is told (1225).
    pub(super) fn interrupt_upload(&mut self) {
        if let Some(upload) = self.session.upload.take() {
            self.steps.push(UploadStep::Drop);
            self.interrupted.push(upload.of.uri.clone());
            self.anomaly("upload_interrupted", || format!("the rest of {} did not come", upload.of.uri));
            self.session.given_up = Some(upload.of);
        }
    }

    /// Asks for the next message, or tells of an upload that was dropped.
    pub(super) fn large_object_alerts(&mut self) -> Vec<(AlertCode, Vec<Item>)> {
        let mut alerts: Vec<_> = std::mem::take(&mut self.interrupted)
            .into_iter()
            .map(|uri| {
                (
                    AlertCode::NO_END_OF_DATA,
                    vec![Item { source: Some(crate::syncml::Address::uri(uri)), ..Item::default() }],
                )
            })
            .collect();
        if self.wants_next {
            alerts.push((AlertCode::NEXT_MESSAGE, Vec::new()));
        }
        alerts
    }
}

impl Upload {
    fn new(results: &Results, item: &Item) -> Self {
        Self {
            of: UploadOf::new(results, item),
            announced: 0,
            received: 0,
            symbols: 0,
            is_base64: matches!(format_of(results, item), Format::B64 | Format::Bin),
            chunks: 0,
            began_at: Timestamp::default(),
        }
    }

    /// Bytes that the base64 text stands for: some devices announce these.
    const fn decoded(&self) -> u64 {
        self.symbols / 4 * 3 + self.symbols % 4 * 3 / 4
    }

    fn is_too_long(&self) -> bool {
        self.received > self.announced && !(self.is_base64 && self.decoded() <= self.announced)
    }

    fn is_whole(&self) -> bool {
        self.received == self.announced || (self.is_base64 && self.decoded() == self.announced)
    }
}

impl UploadOf {
    fn new(results: &Results, item: &Item) -> Self {
        Self {
            uri: uri_of(results, item).to_owned(),
            cmd_ref: results.cmd_ref.clone().unwrap_or_default(),
            msg_ref: results.msg_ref.clone().unwrap_or_default(),
        }
    }

    fn is_of(&self, results: &Results, item: &Item) -> bool {
        self.uri == uri_of(results, item)
            && self.cmd_ref == results.cmd_ref.as_deref().unwrap_or_default()
            && self.msg_ref == results.msg_ref.as_deref().unwrap_or_default()
    }
}

/// The size of a value, where it is said: with its first chunk.
fn announced(results: &Results, item: &Item) -> Option<u64> {
    let of_item = item.meta.as_ref().and_then(|meta| meta.size);
    of_item.or(results.meta.as_ref().and_then(|meta| meta.size))
}

fn uri_of<'a>(results: &'a Results, item: &'a Item) -> &'a str {
    result_uri(results, item).unwrap_or_default()
}

/// Base64 symbols, without padding and white space.
fn symbols(text: &str) -> u64 {
    text.bytes().filter(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')).count() as u64
}
