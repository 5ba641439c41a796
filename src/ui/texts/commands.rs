//! The pages of commands.

texts! {
    TIMES = "times)";
    IT_IS_TRIED_AGAIN = "It is tried again";
    ITS_STORY = "Its story";
    ORDERED_IT = "ordered it";
    WITH_THE_ORDER = "with the order";
    IT_IS_NUMBER = "; it is number";
    IN_THE_QUEUE = "in the queue of the device.";
    NOT_TO_BE_SENT_BEFORE = "Not to be sent before";
    IT_WAITED_FOR = "It waited for";
    ANOTHER_COMMAND = "another command";
    SENT = "Sent";
    IN = "in";
    OF_A_SESSION = "of a session";
    AS_CMDID = "as CmdID";
    THE_DEVICE_ANSWERED = "The device answered";
    LATER = "later";
    NO_ANSWER = "No answer has come to this.";
    NOT_SENT_YET = "It has not been sent yet: it goes out the next time the device checks in.";
    IT_EXPIRES = "It expires";
    EXPIRES_UNSENT = "if it was not sent by then.";
    ASKED_AND_SAID = "What was asked, and what the device said";
    IN_THE_SESSION = "in the session";
    NO_STATUS_YET = "No Status yet.";
    THE_VALUE = "The value";
    THE_VALUE_THAT_IS_SET = "The value that is set";
    WHAT_YOU_CAN_DO = "What you can do";
    NOBODY_KNOWS = "Nobody knows whether the device did it. Look at the device, then say:";
    ID = "Id";
    LEAD = "Newest first. What the server asks of devices for itself is left out.";
    WHICH_COMMANDS = "Which commands";
    NONE_YET = "There are none. Order one with";
    NONE_YET_PAGE = "or from a device's page.";
    ORDERED = "Ordered";
    TITLE_WHY = "Why";
    FAILED = "Failed";
    UNKNOWN = "Unknown";
    QUEUED = "In the queue";
    DEFERRED = "Accepted or waiting";
    SUCCEEDED = "Succeeded";
    RETRY = "Send it again";
    WAS_DONE = "It was done";
    WAS_NOT_DONE = "It was not done";
    TAKEN_BACK = "It is taken back.";
    NOTED = "Noted.";
}
