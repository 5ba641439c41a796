//! One session: message by message, each with what goes wrong with it.

use std::ops::ControlFlow;

use transom_protocol::syncml::codec::{decode, encode};
use transom_protocol::syncml::{Command, Message};

use super::report::{ClientError, Exchange, SessionEnd, SessionFailure, SessionReport};
use super::transport::{Delivered, Failure, Reply, Transport};
use crate::simulator::device::{Device, Next};
use crate::simulator::faults::{Fault, FaultPlan, spoil, tamper};

/// A session that is running.
pub(super) struct Run<'a> {
    transport: Transport<'a>,
    device: &'a mut Device,
    faults: &'a mut FaultPlan,
    report: SessionReport,
    /// Complaints of the device before this session.
    complaints_before: usize,
}

/// What a turn led to: the next message, or the end.
type Turn = ControlFlow<SessionEnd, Message>;

impl<'a> Run<'a> {
    pub(super) fn new(transport: Transport<'a>, device: &'a mut Device, faults: &'a mut FaultPlan) -> Self {
        let complaints_before = device.complaints().len();
        Self { transport, device, faults, report: SessionReport::default(), complaints_before }
    }

    /// From package 1 to the end.
    pub(super) async fn finish(mut self) -> Result<SessionReport, SessionFailure> {
        let first = self.device.start_session(self.transport.options.trigger);
        self.report.session_id.clone_from(&first.header.session_id);
        let outcome = self.turns(first).await;
        // Whatever happened: the device has no session open now.
        self.device.hang_up();
        let complaints = self.device.complaints().get(self.complaints_before..).unwrap_or_default();
        self.report.complaints = complaints.to_vec();
        match outcome {
            Ok(end) => {
                self.report.ended = Some(end);
                Ok(self.report)
            }
            Err(cause) => Err(SessionFailure { cause, report: Box::new(self.report) }),
        }
    }

    async fn turns(&mut self, first: Message) -> Result<SessionEnd, ClientError> {
        let mut message = first;
        for _ in 0..self.transport.options.most_messages {
            match self.turn(message).await? {
                ControlFlow::Continue(next) => message = next,
                ControlFlow::Break(end) => return Ok(end),
            }
        }
        Err(ClientError::Endless(self.transport.options.most_messages))
    }

    /// One message and its reply.
    async fn turn(&mut self, mut message: Message) -> Result<Turn, ClientError> {
        let mut fault = self.faults.draw();
        if fault == Some(Fault::Abort) {
            match self.device.abort() {
                Some(abort) => message = abort,
                None => fault = None,
            }
        }
        fault = fault.filter(|fault| tamper(*fault, self.device, &mut message));
        let mut body = encode(self.transport.options.encoding, &message);
        fault = fault.filter(|fault| *fault != Fault::UnknownElement || spoil(&mut body, self.device));
        self.report.faults.extend(fault);
        self.count_statuses(&message);

        match fault {
            Some(Fault::Garbage) => {
                let garbage = self.faults.garbage();
                self.post_nonsense(&garbage, Fault::Garbage).await;
            }
            Some(Fault::Truncated) => {
                let half = body.get(..body.len() / 2).unwrap_or_default().to_vec();
                self.post_nonsense(&half, Fault::Truncated).await;
            }
            Some(Fault::SendTwiceAtOnce) => self.post_at_once(&body).await,
            _ => {}
        }
        let reply = self.deliver(&body, fault).await?;
        let reply = match fault {
            Some(Fault::DropReply | Fault::SendTwice) => {
                let again = self.deliver(&body, fault).await?;
                self.compare(&reply, &again);
                again
            }
            Some(Fault::DieUnheard) => {
                self.device.die();
                return Ok(ControlFlow::Break(SessionEnd::Died));
            }
            _ => reply,
        };
        self.take(&reply, fault)
    }

    /// Hands a reply to the device.
    fn take(&mut self, reply: &Reply, fault: Option<Fault>) -> Result<Turn, ClientError> {
        if reply.status != 200 {
            return Err(ClientError::Http { status: reply.status, attempts: 1 });
        }
        if reply.body.is_empty() {
            self.report.problems.push("200 with an empty body".to_owned());
            return Ok(ControlFlow::Break(SessionEnd::EmptyReply));
        }
        let options = self.transport.options;
        let decoded = decode(options.encoding, &reply.body, &options.limits).map_err(ClientError::Unreadable)?;
        self.report.replies += 1;
        self.device.weigh(reply.body.len());
        let next = self.device.receive(&decoded.message);
        Ok(match next {
            Next::Send(_) if fault == Some(Fault::DieAfterwards) => {
                self.device.die();
                ControlFlow::Break(SessionEnd::Died)
            }
            Next::Send(message) => ControlFlow::Continue(message),
            Next::Quiet => ControlFlow::Break(SessionEnd::Quiet),
            Next::Ended(ending) => ControlFlow::Break(SessionEnd::Ended(ending)),
        })
    }

    async fn deliver(&mut self, body: &[u8], fault: Option<Fault>) -> Result<Reply, ClientError> {
        self.sent(body);
        let delivered = self.transport.deliver(body).await;
        let Delivered { reply, retries, postponed } = match delivered {
            Ok(delivered) => delivered,
            Err(error) => {
                self.keep(body, None, fault);
                return Err(error);
            }
        };
        self.report.retries += retries;
        self.report.requests += retries;
        self.report.postponed += postponed;
        self.received(&reply);
        self.keep(body, Some(&reply), fault);
        Ok(reply)
    }

    /// Sends what is no message: the server says so, and goes on.
    async fn post_nonsense(&mut self, body: &[u8], fault: Fault) {
        self.sent(body);
        match self.transport.post(body).await {
            Ok(reply) => {
                if !(400..500).contains(&reply.status) {
                    let problem = format!("{} was answered with HTTP status {}", fault.as_str(), reply.status);
                    self.report.problems.push(problem);
                }
                self.keep(body, Some(&reply), Some(fault));
            }
            // A server may well hang up on nonsense.
            Err(_) => self.keep(body, None, Some(fault)),
        }
    }

    /// Sends a message twice at the same time; both are answered alike or put off.
    async fn post_at_once(&mut self, body: &[u8]) {
        self.sent(body);
        self.sent(body);
        let (one, other) = self.transport.post_twice(body).await;
        if let (Ok(one), Ok(other)) = (&one, &other)
            && one.status == 200
            && other.status == 200
        {
            self.compare(one, other);
        }
        for reply in [one, other] {
            match reply {
                Ok(reply) => self.keep(body, Some(&reply), Some(Fault::SendTwiceAtOnce)),
                Err(Failure::Network(_) | Failure::Signing(_) | Failure::TooLarge) => {
                    self.keep(body, None, Some(Fault::SendTwiceAtOnce));
                }
            }
        }
    }

    fn compare(&mut self, one: &Reply, other: &Reply) {
        if one.status != other.status || one.body != other.body {
            self.report.problems.push("the same message was answered with other bytes".to_owned());
        }
    }

    fn sent(&mut self, body: &[u8]) {
        self.report.requests += 1;
        self.report.bytes_sent += u64::try_from(body.len()).unwrap_or_default();
    }

    fn received(&mut self, reply: &Reply) {
        self.report.bytes_received += u64::try_from(reply.body.len()).unwrap_or_default();
        self.report.latencies.push(reply.elapsed);
        for problem in &reply.problems {
            if !self.report.problems.contains(problem) {
                self.report.problems.push(problem.clone());
            }
        }
    }

    fn keep(&mut self, body: &[u8], reply: Option<&Reply>, fault: Option<Fault>) {
        let options = self.transport.options;
        if options.keeps_bodies {
            self.report.exchanges.push(Exchange {
                encoding: options.encoding,
                request: body.to_vec(),
                status: reply.map(|reply| reply.status),
                reply: reply.map(|reply| reply.body.clone()).unwrap_or_default(),
                fault,
            });
        }
    }

    fn count_statuses(&mut self, message: &Message) {
        for command in &message.body.commands {
            if let Command::Status(status) = command
                && status.cmd_ref != "0"
            {
                *self.report.statuses.entry(status.code.0).or_default() += 1;
            }
        }
    }
}
