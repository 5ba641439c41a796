//! What a device has to say against its server.

/// A rule of the protocol that a server broke, as far as a device can see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// The session.
    pub session: String,
    /// `MsgID` of the server's message.
    pub message: String,
    /// The rule.
    pub violation: Violation,
    /// What was there.
    pub detail: String,
}

/// The rules that a device watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Violation {
    /// A message came although no session was open.
    NoSession,
    /// `VerDTD` is not `1.2` or `VerProto` not `DM/1.2`.
    WrongVersion,
    /// `SessionID` is not the session's.
    WrongSession,
    /// `Target` is not this device, or `Source` not the address that it calls.
    WrongAddress,
    /// `MsgID` does not count from 1 in steps of 1.
    MsgIdDoesNotCount,
    /// The message is larger than the `MaxMsgSize` that was announced.
    TooLarge,
    /// The header forbids a Status.
    NoRespInHeader,
    /// The first command is not the Status of the header of the last message.
    HeaderStatusNotFirst,
    /// A command was not answered.
    StatusMissing,
    /// A Status answers what was never sent, or what was answered before.
    StatusOfNothing,
    /// Statuses are not in the order of the commands, or stand behind a command of the server.
    StatusOutOfOrder,
    /// A Status names another command than the one with that `CmdID`.
    StatusOfOtherCommand,
    /// Results came from the server.
    ResultsFromServer,
    /// A `CmdID` is missing or 0.
    CmdIdMissing,
    /// A `CmdID` stands twice in a message.
    CmdIdTwice,
    /// The message asks for credentials and yet carries commands.
    CommandsInChallenge,
    /// Commands came while the device had more to say.
    CommandsDuringPackage,
    /// The device's message was not the last of its package, and the next one was not asked for.
    NextMessageNotAsked,
    /// `Final` is missing, or stands although a value goes on.
    FinalMisplaced,
    /// A value that goes on is not the last item of the message.
    MoreDataNotLast,
    /// An element that is no command.
    UnknownElement,
    /// A command without an item, an item without a target, or an Exec with several items.
    ItemMissing,
    /// A node of the user was named although the enrolled user is not signed in.
    UserScopeWithoutUser,
    /// A node of the other scope than the session's was named.
    WrongScope,
    /// Device and user nodes share an Atomic.
    MixedScopes,
    /// A command that ends the session is not alone in its message.
    SessionEnderNotAlone,
    /// The same Exec came twice.
    ExecTwice,
}

impl std::fmt::Display for Complaint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "session {} message {}: {:?}: {}", self.session, self.message, self.violation, self.detail)
    }
}
