//! A fault with a plan: the leaders of Raft's figure 8, who fall one after the
//! other, so that an entry of an old term is copied by a newer leader that
//! falls before it has copied anything of its own.

use crate::net::Cut;
use crate::world::World;

/// Where the plan stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Scene {
    /// The first leader writes alone.
    Alone,
    /// The second one was cut off as well; the first is back.
    Back(usize),
}

/// The plan under way.
#[derive(Clone, Copy, Debug)]
pub struct Figure8 {
    first: usize,
    cut: u64,
    scene: Scene,
}

impl Figure8 {
    /// A new leader is cut off, with everything that is written at it.
    pub fn begin(first: usize, world: &mut World) -> Self {
        Self { first, cut: world.cut(Cut::Isolate(first)), scene: Scene::Alone }
    }

    /// Somebody leads; says whether it is the moment before the last scene.
    pub fn on_leader(&mut self, node: usize, world: &mut World) -> bool {
        match self.scene {
            Scene::Alone if node != self.first => {
                world.mend(self.cut);
                self.cut = world.cut(Cut::Isolate(node));
                self.scene = Scene::Back(node);
                false
            }
            Scene::Alone => false,
            Scene::Back(second) => node == self.first && node != second,
        }
    }

    /// The first leader falls again, the second one comes back.
    pub fn turn(&mut self, world: &mut World) {
        world.mend(self.cut);
        self.cut = world.cut(Cut::Isolate(self.first));
    }

    /// All is whole again.
    pub fn end(self, world: &mut World) {
        world.mend(self.cut);
    }
}
