//! What each figure must reach, and aims at. The rest of the bench only measures.

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Better {
    More,
    Less,
}

/// A goal of a figure.
#[derive(Clone, Copy, Debug)]
pub(super) struct Goal {
    pub(super) workload: &'static str,
    pub(super) metric: &'static str,
    pub(super) unit: &'static str,
    pub(super) better: Better,
    pub(super) must: Option<f64>,
    pub(super) aim: Option<f64>,
}

/// How a figure stands to its goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    AimMet,
    MustMet,
    /// There is only an aim, and it is not met.
    AimMissed,
    Missed,
}

const fn goal(
    workload: &'static str,
    metric: &'static str,
    unit: &'static str,
    better: Better,
    must: f64,
    aim: f64,
) -> Goal {
    Goal {
        workload,
        metric,
        unit,
        better,
        must: Some(must),
        aim: Some(aim),
    }
}

pub(super) const GOALS: &[Goal] = &[
    goal("W1", "share", "R", Better::More, 0.15, 0.20),
    goal("W1b", "share", "R", Better::More, 0.18, 0.27),
    goal("W2", "share", "R", Better::More, 0.30, 0.45),
    goal(
        "W2",
        "server_cpu_us",
        "us per delivery",
        Better::Less,
        40.0,
        25.0,
    ),
    goal("HTTPS", "share_of_w2", "of W2", Better::More, 0.65, 0.8),
    goal("W3", "p50_beyond_sync_ms", "ms", Better::Less, 1.0, 0.4),
    goal("W3", "p99_beyond_sync_ms", "ms", Better::Less, 4.0, 2.0),
    // Shares of the larger of two allowances: see `workloads::latency`.
    Goal {
        aim: None,
        ..goal(
            "W4",
            "of_allowance",
            "of x 1.5 or + 2 ms",
            Better::Less,
            1.0,
            1.0,
        )
    },
    Goal {
        must: None,
        ..goal(
            "W4",
            "of_aimed_allowance",
            "of x 1.1 or + 0.5 ms",
            Better::Less,
            1.0,
            1.0,
        )
    },
    goal("W5", "share_of_w2", "of W2", Better::More, 0.8, 0.95),
    goal("W6", "memory_mib", "MiB", Better::Less, 150.0, 80.0),
    goal("W6", "start_ms", "ms", Better::Less, 1000.0, 300.0),
    goal("W6", "share_of_w1", "of W1", Better::More, 0.8, 0.95),
    goal(
        "W7",
        "slowest_filter_p99_ms",
        "ms",
        Better::Less,
        50.0,
        10.0,
    ),
    goal("W7", "share_of_w1", "of W1", Better::More, 0.8, 0.95),
    // Our own: the list only asks for a level file.
    goal(
        "level",
        "last_half_of_first",
        "of the first half",
        Better::Less,
        1.1,
        1.02,
    ),
    // The limit is the list's, the aim our own.
    goal("pages", "slowest_p99_ms", "ms", Better::Less, 50.0, 25.0),
    goal("idle", "memory_mib", "MiB", Better::Less, 25.0, 15.0),
    goal("idle", "start_ms", "ms", Better::Less, 100.0, 30.0),
];

impl Goal {
    /// The goal of a figure, if it has one.
    pub(super) fn find(workload: &str, metric: &str) -> Option<&'static Self> {
        let mut all = GOALS.iter();
        all.find(|g| g.workload == workload && g.metric == metric)
    }

    pub(super) fn judge(&self, value: f64) -> Verdict {
        let reaches = |wanted: f64| match self.better {
            Better::More => value >= wanted,
            Better::Less => value <= wanted,
        };
        match (self.must.map(reaches), self.aim.map(reaches)) {
            (Some(false), _) => Verdict::Missed,
            (_, Some(true)) => Verdict::AimMet,
            (None, _) => Verdict::AimMissed,
            (Some(true), _) => Verdict::MustMet,
        }
    }
}

impl Verdict {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::AimMet => "aim met",
            Self::MustMet => "must met",
            Self::AimMissed => "aim not met",
            Self::Missed => "MISSED",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_aim_alone_is_never_a_missed_must() {
        let aim = Goal::find("W4", "of_aimed_allowance").unwrap();
        assert_eq!(
            [1.0, 2.0].map(|v| aim.judge(v)),
            [Verdict::AimMet, Verdict::AimMissed]
        );
    }

    #[test]
    fn a_share_is_judged_upwards_and_a_time_downwards() {
        let share = Goal::find("W1", "share").unwrap();
        let time = Goal::find("idle", "start_ms").unwrap();
        let verdicts = [
            (share, 0.14),
            (share, 0.15),
            (share, 0.2),
            (time, 30.0),
            (time, 31.0),
            (time, 101.0),
        ]
        .map(|(goal, value)| goal.judge(value));
        assert_eq!(
            verdicts,
            [
                Verdict::Missed,
                Verdict::MustMet,
                Verdict::AimMet,
                Verdict::AimMet,
                Verdict::MustMet,
                Verdict::Missed
            ]
        );
    }
}
