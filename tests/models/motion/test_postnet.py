"""The post-net and its critic."""

from __future__ import annotations

import pytest
import torch

from visavox.models.motion.postnet import MotionCritic, MotionCriticConfig, PostNet, PostNetConfig

SMALL = PostNetConfig(channels=(8, 8, 12))


def trained(config: PostNetConfig = SMALL) -> PostNet:
    """A post-net that does something."""
    torch.manual_seed(0)
    postnet = PostNet(config).eval()
    torch.nn.init.normal_(postnet.last.weight)
    return postnet


def test_what_has_learned_nothing_exchanges_the_means() -> None:
    postnet = PostNet(SMALL).eval()
    postnet.source_mean.fill_(1.0)
    postnet.person_mean.copy_(torch.arange(204.0))
    motion = torch.randn(2, 9, 68, 3)
    expected = motion - 1 + torch.arange(204.0).view(68, 3)
    torch.testing.assert_close(postnet(motion), expected)
    torch.testing.assert_close(postnet.neutral, torch.arange(204.0).view(68, 3))


def test_a_frame_depends_on_those_within_reach_and_no_others() -> None:
    postnet = trained()
    assert postnet.reach == 3
    motion = torch.randn(1, 20, 68, 3)
    changed = motion.clone()
    changed[:, 10] += 1
    with torch.no_grad():
        differs = (postnet(motion) != postnet(changed)).flatten(2).any(dim=2)[0]
    assert differs.nonzero().flatten().tolist() == [7, 8, 9, 10, 11, 12, 13]


def test_the_published_post_net_has_the_published_size() -> None:
    assert sum(p.numel() for p in PostNet().parameters()) == pytest.approx(0.8e6, rel=0.02)


def test_networks_without_convolutions_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one convolution"):
        PostNetConfig(channels=())


def test_the_critic_judges_frame_by_frame() -> None:
    critic = MotionCritic().eval()
    frames = torch.randn(2, 7, 68, 3)
    with torch.no_grad():
        judged = critic(frames)
        assert judged.shape == (2, 7)
        torch.testing.assert_close(judged[1, 3], critic(frames[1, 3]))


def test_a_critic_with_components_sees_nothing_else() -> None:
    critic = MotionCritic(MotionCriticConfig(components=2, channels=(4,))).eval()
    critic.basis[5, 0] = critic.basis[180, 1] = 1.0
    frames = torch.randn(5, 68, 3)
    other = frames.clone()
    other[:, 2:60] += 1
    with torch.no_grad():
        assert torch.equal(critic(frames), critic(other))
        other[:, 60] += 1
        assert not torch.equal(critic(frames), critic(other))
