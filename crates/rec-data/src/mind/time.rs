//! The times of `behaviors.tsv`.

/// The Unix time, in seconds, of a text such as `11/11/2019 9:05:58 AM`, taken as UTC: month, day and year, then the hour
/// from 1 to 12, minutes and seconds. `None` if it is not such a text, or no such moment.
pub(super) fn parse(text: &str) -> Option<f64> {
    let mut parts = text.split(' ');
    let (date, clock, half) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let [month, day, year] = three(date, '/')?;
    let [hour, minute, second] = three(clock, ':')?;
    let afternoon = match half {
        "AM" => 0,
        "PM" => 12,
        _ => return None,
    };
    let is_moment = (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && (1..=12).contains(&hour)
        && minute < 60
        && second < 60;
    // 12 AM is midnight and 12 PM is noon.
    let hour = hour % 12 + afternoon;
    is_moment
        .then(|| (days_from_epoch(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second) as f64)
}

/// Three numbers of one to four digits.
fn three(text: &str, separator: char) -> Option<[i64; 3]> {
    let mut numbers = text.split(separator).map(|digits| {
        let is_number = (1..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        if is_number { digits.parse().ok() } else { None }
    });
    let three = [numbers.next()??, numbers.next()??, numbers.next()??];
    numbers.next().is_none().then_some(three)
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The days from 1 January 1970 to a date of the Gregorian calendar.
fn days_from_epoch(year: i64, month: i64, day: i64) -> i64 {
    // Leap days fall at the end of a year that begins in March.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // The months from March are 31, 30, 31, 30, 31 days long, again and again.
    let days_before_month = (153 * month + 2) / 5;
    // 1 March of the year 0 is 719,468 days before the epoch.
    365 * year + leap_days + days_before_month + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_count_up_by_one() {
        let mut expected = days_from_epoch(1599, 12, 31);
        for year in 1600..=2400 {
            for month in 1..=12 {
                for day in 1..=days_in_month(year, month) {
                    expected += 1;
                    assert_eq!(days_from_epoch(year, month, day), expected, "{year}-{month}-{day}");
                }
            }
        }
        assert_eq!(days_from_epoch(1970, 1, 1), 0);
    }

    #[test]
    fn known_times() {
        // From `date -u -d ... +%s` of GNU coreutils.
        for (text, expected) in [
            ("1/1/1970 12:00:00 AM", 0.0),
            ("11/11/2019 9:05:58 AM", 1_573_463_158.0),
            ("11/15/2019 12:00:01 PM", 1_573_819_201.0),
            ("02/29/2000 11:59:59 PM", 951_868_799.0),
            ("12/31/1969 11:59:59 PM", -1.0),
        ] {
            assert_eq!(parse(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "11/11/2019",
            "11/11/2019 9:05:58",
            "11/11/2019 9:05:58 am",
            "11/11/2019 9:05:58 AM ",
            "11/11/2019 0:05:58 AM",
            "11/11/2019 13:05:58 PM",
            "11/11/2019 9:60:00 AM",
            "11/11/2019 9:05:60 AM",
            "13/11/2019 9:05:58 AM",
            "0/11/2019 9:05:58 AM",
            "2/29/2019 9:05:58 AM",
            "11/31/2019 9:05:58 AM",
            "11/0/2019 9:05:58 AM",
            "11/11/12019 9:05:58 AM",
            "11/+1/2019 9:05:58 AM",
            "11/11/2019/1 9:05:58 AM",
            "11//2019 9:05:58 AM",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
