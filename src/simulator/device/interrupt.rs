//! What befalls a device from outside: aborts, deaths, restarts, a new enrollment, and faults on request.

use transom_protocol::syncml::{AlertCode, Message, StatusCode};

use super::compose::{alert, header_status, number};
use super::session::{Awaited, Session};
use super::{Device, Ending};
use crate::simulator::identity::DeviceIdentity;
use crate::simulator::notice::Notice;
use crate::simulator::tree::Tree;

impl Device {
    /// The device stops in the middle: its next message is an abort (Alert 1223, MS-MDM 2.2.7.2) in place of whatever
    /// it had to say. `None` when no session is open or nothing came from the server yet.
    pub fn abort(&mut self) -> Option<Message> {
        let mut session = self.session.take_if(|session| session.server_message > 0)?;
        // The message that was made and not sent never was.
        session.sent_message = session.sent_message.saturating_sub(1);
        session.outbox.clear();
        session.closing = Some(Ending::AbortedByDevice);
        let head = header_status(&session, StatusCode::OK, None);
        let body = number(vec![alert(AlertCode::SESSION_ABORT)]);
        let message = self.message(&mut session, Some(head), body, true);
        self.session = Some(session);
        Some(message)
    }

    /// Power goes off in the middle of a session: it is forgotten. Tree and log stay; the next session is a new one.
    pub fn die(&mut self) {
        if let Some(session) = self.session.take() {
            self.close(&Session { is_last: false, ..session });
        }
        self.boots += 1;
    }

    /// The line went dead for good: the session is over, and what was to happen after it happens.
    pub fn hang_up(&mut self) {
        if let Some(session) = self.session.take() {
            self.close(&session);
        }
    }

    /// The user removes the device from management: the next session tells the server, and is the last.
    pub fn unenroll(&mut self) {
        self.session = None;
        self.leave();
    }

    /// A new enrollment: new identity, sessions from 1, a fresh tree. The log goes on.
    pub fn re_enroll(&mut self, identity: DeviceIdentity) {
        self.life += 1;
        self.session = None;
        self.sessions = 0;
        self.notices.clear();
        self.is_leaving = false;
        self.is_enrolled = true;
        self.nonce.clone_from(&identity.nonce);
        self.server_nonce = identity.server.as_ref().and_then(|server| server.nonce.clone());
        let seed = self.seed.wrapping_add(u64::from(self.life));
        self.tree = Tree::windows_11(&identity.device_id, &identity.provider_id, &self.server_url, seed);
        self.tree.provision(&identity.provider_id, &identity.provisioned);
        self.identity = identity;
    }

    /// The device has its next certificate: everything else stays as it is.
    pub fn renewed(&mut self, identity: &DeviceIdentity) {
        self.identity.certificate.clone_from(&identity.certificate);
    }

    /// A notice for the next session.
    pub fn notify(&mut self, notice: Notice) {
        self.notices.push(notice);
    }

    /// The driver put another `MsgID` into the last message: the device goes on from there.
    pub fn renumber(&mut self, msg_id: u32) {
        if let Some(session) = &mut self.session {
            session.sent_message = msg_id;
            for awaited in &mut session.awaited {
                awaited.message = msg_id;
            }
        }
    }

    /// The driver put another command into the last message: it will be answered too.
    pub fn declare(&mut self, cmd_id: &str, name: &str) {
        if let Some(session) = &mut self.session {
            session.awaited.push(Awaited {
                message: session.sent_message,
                cmd_id: cmd_id.to_owned(),
                name: name.to_owned(),
                is_optional: true,
            });
        }
    }

    /// The device itself breaks the book in this session: what the server makes of it is no reason to complain.
    pub fn excuse(&mut self) {
        if let Some(session) = &mut self.session {
            session.is_excused = true;
        }
    }

    pub(super) fn leave(&mut self) {
        self.is_leaving = true;
        self.notices.push(Notice::unenrolled());
    }
}
