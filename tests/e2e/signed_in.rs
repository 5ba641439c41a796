//! Messages put together by hand, with a credential that is right: what no simulated device would say, said by one that
//! is who it says it is.

use reqwest::Client;
use transom::protocol::session::{A1, Nonce};
use transom::protocol::syncml::codec::{Encoding, decode};
use transom::protocol::syncml::{Command, Message, StatusCode};
use transom::protocol::xml::Limits;

use crate::support::windows::Windows;

/// A session that the server let in.
pub(super) struct SignedIn<'a> {
    windows: &'a Windows,
    http: &'a Client,
    device: String,
    session: usize,
    message: usize,
    /// The last one.
    reply: Option<Message>,
}

impl<'a> SignedIn<'a> {
    /// Signs in as a device that [`Windows::device`] made the credentials of.
    pub(super) async fn new(windows: &'a Windows, http: &'a Client, device: &str, session: usize) -> Self {
        let mut this = Self { windows, http, device: device.to_owned(), session, message: 0, reply: None };
        let alert = "<Alert><CmdID>2</CmdID><Data>1201</Data></Alert>";
        let reply = this.say("", alert).await;
        let nonce = nonce_of(&reply).expect("a challenge");
        let reply = this.say(&this.credential(&nonce), alert).await;
        assert_eq!(header_status(&reply), Some(StatusCode::AUTHENTICATED), "{reply:?}");
        this.reply = Some(reply);
        this
    }

    /// `MsgID` and `CmdID` of the first command that the last reply brought.
    pub(super) fn asked(&self) -> (String, String) {
        let id = |command: &Command| match command {
            Command::Request(request) => Some(request.cmd_id.clone()),
            _ => None,
        };
        let reply = self.reply.as_ref().expect("a reply");
        let cmd_id = reply.body.commands.iter().find_map(id).expect("a command");
        (reply.header.msg_id.clone(), cmd_id)
    }

    /// Says the next message, with this body, and gives the reply.
    pub(super) async fn says(&mut self, body: &str) -> Message {
        let reply = self.say("", body).await;
        self.reply.insert(reply).clone()
    }

    /// The credential for a nonce, as it stands in a header.
    fn credential(&self, nonce: &Nonce) -> String {
        let a1 = A1::new(&format!("user of {}", self.device), &format!("secret of {}", self.device));
        let meta = "<Meta><Format xmlns=\"syncml:metinf\">b64</Format><Type xmlns=\"syncml:metinf\">syncml:auth-md5</Type></Meta>";
        format!("<Cred>{meta}<Data>{}</Data></Cred>", a1.digest(nonce))
    }

    /// The next message, with this body.
    pub(super) fn message(&mut self, body: &str) -> Vec<u8> {
        self.compose("", body)
    }

    fn compose(&mut self, credential: &str, body: &str) -> Vec<u8> {
        self.message += 1;
        let (device, session, message, url) = (&self.device, self.session, self.message, self.windows.url());
        format!(
            "<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto>\
             <SessionID>{session}</SessionID><MsgID>{message}</MsgID><Target><LocURI>{url}</LocURI></Target>\
             <Source><LocURI>{device}</LocURI><LocName>user of {device}</LocName></Source>{credential}</SyncHdr>\
             <SyncBody>{body}<Final/></SyncBody></SyncML>"
        )
        .into_bytes()
    }

    async fn say(&mut self, credential: &str, body: &str) -> Message {
        let message = self.compose(credential, body);
        let (status, reply) = self.windows.post(self.http, Encoding::Xml, message).await;
        assert_eq!(status, 200);
        decode(Encoding::Xml, &reply, &Limits::default()).unwrap().message
    }
}

/// The nonce of a challenge.
pub(super) fn nonce_of(reply: &Message) -> Option<Nonce> {
    reply.body.commands.iter().find_map(|command| match command {
        Command::Status(status) => Nonce::from_base64(status.chal.as_ref()?.meta.next_nonce.as_deref()?),
        _ => None,
    })
}

/// The Status of the header.
pub(super) fn header_status(reply: &Message) -> Option<StatusCode> {
    reply.body.commands.iter().find_map(|command| match command {
        Command::Status(status) if status.cmd_ref == "0" => Some(status.code),
        _ => None,
    })
}
