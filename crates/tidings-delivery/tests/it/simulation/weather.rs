//! What befalls the server: clocks that jump, a store that is slow, full or closed, stops and crashes.

use std::time::Duration;

use tidings_domain::Clock;

use super::faults::Pace;
use super::run::Run;

/// Steps of the wall clock: a second, an hour, a day.
const JUMPS_MS: [i64; 3] = [1_000, 3_600_000, 86_400_000];
/// Moments to which the wall clock jumps: just after 1970, and 2038.
const MOMENTS_MS: [i64; 2] = [1_000, 2_147_483_647_000];
/// Points at the gate within which a planned death comes.
const SOON: u64 = 60;

impl Run {
    /// Weather, until the server is told to stop; answers how patient that is.
    pub(crate) async fn weather(&self) -> Duration {
        loop {
            let ms = self.sky.below(3 * self.shape.rhythm_ms);
            tokio::time::sleep(Duration::from_millis(ms)).await;
            match self.sky.below(8) {
                0 | 1 if self.shape.crashes => self.stage.faults.die_in(1 + self.sky.below(SOON)),
                2 if self.shape.crashes => return Duration::from_millis(self.sky.below(3_000)),
                3 if self.shape.jumps => self.jump(),
                4 if self.shape.refusals => self.closed().await,
                5 if self.shape.refusals => self.full().await,
                6 if self.shape.slowness => self.stage.faults.set_pace(self.any_pace()),
                _ => {}
            }
        }
    }

    pub(crate) fn any_pace(&self) -> Pace {
        match self.sky.below(8) {
            0 => Pace::AtOnce,
            1 => Pace::Turns(3),
            2 => Pace::Turns(40),
            3 => Pace::Ms(2),
            4 => Pace::Ms(10),
            5 => Pace::Ms(50),
            6 => Pace::Ms(250),
            _ => Pace::Ms(1_500),
        }
    }

    pub(crate) fn jump(&self) {
        let now = self.stage.clock.wall().as_millisecond();
        let by = match self.sky.below(4) {
            0 => MOMENTS_MS[self.sky.pick(2)] - now,
            n => {
                let step = JUMPS_MS[usize::try_from(n - 1).unwrap()];
                [step, -step][self.sky.pick(2)]
            }
        };
        // The years that clocks can say.
        if (0..=3 * MOMENTS_MS[1]).contains(&(now + by)) {
            self.stage.clock.step(by);
        }
    }

    async fn closed(&self) {
        self.stage.faults.refuse(1 + self.sky.below(5));
        let ms = self.sky.below(4_000);
        tokio::time::sleep(Duration::from_millis(ms)).await;
        self.stage.faults.refuse(0);
    }

    async fn full(&self) {
        self.stage.disk().set_full(true);
        let ms = self.sky.below(6_000);
        tokio::time::sleep(Duration::from_millis(ms)).await;
        self.stage.disk().set_full(false);
    }
}
