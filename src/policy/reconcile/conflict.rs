//! Which of several values holds, as the description of the node says it (`MSFT:ConflictResolution`).

use transom_protocol::csp::ddf::Conflict;

/// The place of the value that holds; `None` where nothing says so. "The last one written" decides nothing here: what is
/// wanted has no order.
pub(super) fn winner(rule: Option<Conflict>, values: &[Option<&str>]) -> Option<usize> {
    let number = |value: Option<&str>| value.and_then(|value| value.trim().parse::<i64>().ok());
    let numbers: Vec<i64> = values.iter().copied().map(number).collect::<Option<_>>()?;
    let places = numbers.iter().copied().enumerate();
    let lowest = |zero_is_none: bool| {
        let rank = move |value: i64| if zero_is_none && value == 0 { i64::MAX } else { value };
        places.clone().min_by_key(|(_, value)| rank(*value)).map(|(place, _)| place)
    };
    let highest = |zero_is_none: bool| {
        let rank = move |value: i64| if zero_is_none && value == 0 { i64::MIN } else { value };
        places.clone().max_by_key(|(_, value)| rank(*value)).map(|(place, _)| place)
    };
    match rule? {
        Conflict::LowestValueMostSecure => lowest(false),
        Conflict::LowestValueMostSecureZeroHasNoLimits => lowest(true),
        Conflict::HighestValueMostSecure => highest(false),
        Conflict::HighestValueMostSecureZeroHasNoLimits => highest(true),
        Conflict::LastWrite | Conflict::NoMerge => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_safest_value_holds() {
        let of = |rule, values: [&str; 3]| winner(Some(rule), &values.map(Some));
        assert_eq!(of(Conflict::LowestValueMostSecure, ["5", "0", "9"]), Some(1));
        assert_eq!(of(Conflict::LowestValueMostSecureZeroHasNoLimits, ["5", "0", "9"]), Some(0));
        assert_eq!(of(Conflict::HighestValueMostSecure, ["5", "0", "9"]), Some(2));
        assert_eq!(of(Conflict::HighestValueMostSecureZeroHasNoLimits, ["-5", "0", "-9"]), Some(0));
        assert_eq!(of(Conflict::LastWrite, ["5", "0", "9"]), None);
        assert_eq!(of(Conflict::LowestValueMostSecure, ["5", "x", "9"]), None);
        assert_eq!(winner(None, &[Some("1"), Some("2")]), None);
    }
}
