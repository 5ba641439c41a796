//! Alerts and device information (MS-MDM 2.2.7.2, 3.2.5.1).

use super::process::Work;
use super::{DevicePreparation, Ending, Event, LoginStatus, Mark, SyncType};
use crate::syncml::{Alert, AlertCode, Item, Request, StatusCode};

/// Alerts with an item, and values of the device, that are kept of one message.
const MAX_EVENTS: usize = 500;

/// Bytes that are kept of the data of one alert.
const MAX_ALERT_DATA: usize = 256 * 1024;

impl Work<'_> {
    pub(super) fn hear_alert(&mut self, alert: &Alert) -> StatusCode {
        let Some(code) = alert.code else { return StatusCode::BAD_REQUEST };
        match code {
            AlertCode::SESSION_ABORT => self.ending = Some(Ending::AbortedByDevice),
            AlertCode::NO_END_OF_DATA => self.download_interrupted(),
            AlertCode::NEXT_MESSAGE => self.asked_next = true,
            AlertCode::CLIENT_EVENT | AlertCode::GENERIC => {
                for item in &alert.items {
                    self.hear_event(code, item);
                }
            }
            AlertCode::SERVER_INITIATED | AlertCode::CLIENT_INITIATED => {}
            other if alert.items.is_empty() => self.keep_alert(other, String::new(), &Item::default()),
            other => {
                for item in &alert.items {
                    self.keep_alert(other, kind_of(item), item);
                }
            }
        }
        StatusCode::OK
    }

    /// One item of a client event or generic alert.
    fn hear_event(&mut self, code: AlertCode, item: &Item) {
        let kind = kind_of(item);
        let data = item.text().trim();
        let is = |name: &str| kind.eq_ignore_ascii_case(name);
        if is("com.microsoft/MDM/LoginStatus") {
            self.session.login = match data.to_ascii_lowercase().as_str() {
                "user" => LoginStatus::User,
                "others" => LoginStatus::Others,
                "none" => LoginStatus::None,
                _ => LoginStatus::Unsaid,
            };
            return;
        }
        if is("com.microsoft.mdm.synctype") {
            // The message that began the session said it; its place among others depends on it.
            let said = SyncType::parse(data);
            if said != self.session.sync_type {
                let is = self.session.sync_type.as_str();
                self.anomaly("kind_changed", || format!("a session of the kind {is} called itself {}", said.as_str()));
            }
            return;
        } else if is("com.microsoft/MDM/AADUserToken") {
            // The session has its user's name; nothing else is kept of it.
            return;
        } else if is("com.microsoft/MDM/DevicePrepSync")
            && let Some(state) = DevicePreparation::parse(data)
        {
            self.events.push(Event::Preparation(state));
            return;
        } else if is("com.microsoft.mdm.requestpending") {
            self.hold = true;
            return;
        } else if code == AlertCode::GENERIC && is("com.microsoft:mdm.unenrollment.userrequest") {
            if self.ending != Some(Ending::Unenrolled) {
                self.events.push(Event::Unenrolled);
            }
            self.ending = Some(Ending::Unenrolled);
        }
        self.keep_alert(code, kind, item);
    }

    fn keep_alert(&mut self, code: AlertCode, kind: String, item: &Item) {
        if !self.has_room_for_event() {
            return;
        }
        let token = kind.to_ascii_lowercase().contains("token");
        self.events.push(Event::Alert {
            code,
            source: item.source_uri().map(str::to_owned),
            format: item.format().cloned(),
            mark: item.meta.as_ref().and_then(|meta| meta.mark.as_deref()).map(Mark::parse),
            data: if token { String::new() } else { bounded(item.text()) },
            kind,
        });
    }

    /// Replace in package 1 carries `./DevInfo`; whatever else a device reports is taken note of.
    pub(super) fn hear_device_info(&mut self, request: &Request) -> StatusCode {
        for item in &request.items {
            let Some(uri) = item.source_uri().or(item.target_uri()) else { continue };
            let prefix = uri.get(.."./DevInfo/".len()).filter(|start| start.eq_ignore_ascii_case("./DevInfo/"));
            match prefix.and_then(|start| uri.get(start.len()..)) {
                Some(node) => {
                    if self.has_room_for_event() {
                        let value = item.text().trim().to_owned();
                        self.events.push(Event::DeviceInfo { node: node.to_owned(), value });
                    }
                }
                None => self.anomaly("unasked_value", || format!("the device reported {uri} without being asked")),
            }
        }
        StatusCode::OK
    }

    fn has_room_for_event(&mut self) -> bool {
        self.kept_events += 1;
        if self.kept_events == MAX_EVENTS + 1 {
            self.anomaly("too_many_alerts", || format!("only the first {MAX_EVENTS} of this message are kept"));
        }
        self.kept_events <= MAX_EVENTS
    }
}

/// As much of an alert's data as is kept.
fn bounded(text: &str) -> String {
    let mut end = text.len().min(MAX_ALERT_DATA);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}

/// Type of an alert, without the prefix that some have.
pub(super) fn kind_of(item: &Item) -> String {
    let kind = item.meta.as_ref().and_then(|meta| meta.mime.as_deref()).unwrap_or_default().trim();
    kind.strip_prefix("Reversed-Domain-Name:").unwrap_or(kind).to_owned()
}
