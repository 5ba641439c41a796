//! Reasons in words that a helpdesk person understands.

use super::ReasonCode;

impl ReasonCode {
    /// Every reason.
    pub const ALL: [Self; 21] = [
        Self::WaitingForUser,
        Self::WaitingForScope,
        Self::Accepted,
        Self::RetryLater,
        Self::WaitingForDependency,
        Self::Unanswered,
        Self::SentAsReplace,
        Self::RefusedByDevice,
        Self::NoResult,
        Self::TooLarge,
        Self::MessageRefused,
        Self::Interrupted,
        Self::NeverAnswered,
        Self::NoReport,
        Self::Restored,
        Self::DependencyFailed,
        Self::ByOperator,
        Self::Unenrolled,
        Self::NewEnrollment,
        Self::Erased,
        Self::Undecodable,
    ];

    /// The word in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WaitingForUser => "waiting_for_user",
            Self::WaitingForScope => "waiting_for_scope",
            Self::Accepted => "accepted",
            Self::RetryLater => "retry_later",
            Self::WaitingForDependency => "waiting_for_dependency",
            Self::Unanswered => "unanswered",
            Self::SentAsReplace => "sent_as_replace",
            Self::RefusedByDevice => "refused_by_device",
            Self::NoResult => "no_result",
            Self::TooLarge => "too_large",
            Self::MessageRefused => "message_refused",
            Self::Interrupted => "interrupted",
            Self::NeverAnswered => "never_answered",
            Self::NoReport => "no_report",
            Self::Restored => "restored",
            Self::DependencyFailed => "dependency_failed",
            Self::ByOperator => "by_operator",
            Self::Unenrolled => "unenrolled",
            Self::NewEnrollment => "new_enrollment",
            Self::Erased => "erased",
            Self::Undecodable => "undecodable",
        }
    }

    /// The reason that a word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == word)
    }

    /// What happened, in a sentence.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::WaitingForUser => {
                "It concerns a user's settings, and that user was not signed in, or had no session."
            }
            Self::WaitingForScope => {
                "The device asked for the other kind of settings (user or device) in this session."
            }
            Self::Accepted => "The device took it and will report when it is done.",
            Self::RetryLater => "The device asked to try again later.",
            Self::WaitingForDependency => "A command that it depends on is not done yet.",
            Self::Unanswered => "It was sent, but no answer came; it is sent again, which does no harm.",
            Self::SentAsReplace => "The node existed already; it is sent again to replace the value.",
            Self::RefusedByDevice => "The device answered with an error.",
            Self::NoResult => "The device answered that all is well, but never sent the value.",
            Self::TooLarge => "It is larger than the largest message that this device takes.",
            Self::MessageRefused => "The device refused the message that carried it.",
            Self::Interrupted => "It was sent, but no answer came. It may or may not have run, so it is not repeated.",
            Self::NeverAnswered => "It was sent several times, at last alone, and was never answered.",
            Self::NoReport => "The device took it and never reported the end.",
            Self::Restored => {
                "The server was restored from a backup in which it waited. It may have run since, so it is not sent."
            }
            Self::DependencyFailed => "A command that it depends on did not succeed.",
            Self::ByOperator => "An operator took it back.",
            Self::Unenrolled => "The device left management.",
            Self::NewEnrollment => "The device was enrolled anew; what was meant for the old enrollment is not sent.",
            Self::Erased => "The device was told to erase itself and took that on; what waited for it is not sent.",
            Self::Undecodable => "What is stored of it can't be read; it was set aside so that others can go on.",
        }
    }

    /// What to do, where there is something to do.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::WaitingForUser => "It goes out at the next contact after that user has signed in.",
            Self::NoResult => "Read the parent node to see whether the value exists on this edition of Windows.",
            Self::TooLarge => "Send less data in one command, or refer to a file that the device can download.",
            Self::MessageRefused => {
                "Look at the session to see which message was refused, and check the node and its value."
            }
            Self::Interrupted | Self::NeverAnswered | Self::NoReport | Self::Restored => {
                "Find out on the device, or by reading a setting back, whether it ran; then mark it as done, or send it again."
            }
            Self::DependencyFailed => "Mend the command that failed, then send both again.",
            Self::RefusedByDevice => "Look at the Status of each node.",
            Self::Undecodable => "Send it again; if the encryption key was changed, restore the right one.",
            _ => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_json_form() {
        for code in ReasonCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
            assert_eq!(ReasonCode::parse(code.as_str()), Some(code));
            assert!(!code.meaning().is_empty());
        }
    }
}
