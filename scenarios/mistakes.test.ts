/**
 * What a wrong scenario is told: the place, what is wrong there, and what would mend it.
 */
import { expect, test } from 'vitest';
import { VERBS } from './language/scenario.ts';
import { complaintsOf, type Mistake, yaml } from './testing/complaints.ts';

const MISTAKES: readonly Mistake[] = [
  {
    name: 'an unknown key',
    more: 'trafic: []',
    says: [
      "x.yaml:5:1: error: unknown key 'trafic' in a scenario",
      "hint: did you mean 'traffic'?",
    ],
  },
  {
    name: 'an unknown key further in',
    scenario: yaml`
      name: x
      until: 60s
      cluster:
        worker: 1
    `,
    says: ["x.yaml:4:3: error: unknown key 'worker' in 'cluster'", "hint: did you mean 'workers'?"],
  },
  {
    name: 'a wrong type',
    scenario: yaml`
      name: x
      until: 60s
      cluster:
        managers: many
    `,
    says: [
      "x.yaml:4:13: error: managers: expected a number, found 'many'",
      'hint: managers: how many, from 1 to 7',
    ],
  },
  {
    name: 'a value where a list should be',
    more: 'timeline: 3',
    says: [
      'x.yaml:5:11: error: timeline: expected a list, found 3',
      'hint: timeline: a list of what happens, such as { at: 30s, crash: worker-2 }',
    ],
  },
  {
    name: 'a missing key',
    scenario: yaml`
      name: x
    `,
    says: [
      "x.yaml:1:1: error: 'until' is missing in a scenario",
      'hint: until: when the run ends, such as 180s',
    ],
  },
  {
    name: 'a docker command that docker would not understand',
    more: yaml`
      timeline:
        - { at: 5s, docker: { worker-1: run --detatch nginx } }
        - { at: 6s, docker: { worker-9: ps } }
    `,
    says: [
      'x.yaml:6:35: error: unknown flag: --detatch',
      'hint: such as run -d --name web -p 8080:80 nginx, without the word docker',
      "x.yaml:7:35: error: unknown node 'worker-9'",
      "hint: did you mean 'worker-1'?",
    ],
  },
  {
    name: 'plugins on unknown nodes, and one that nobody has',
    scenario: yaml`
      name: x
      until: 60s
      cluster:
        workers: 2
        plugins:
          weave: { nodes: worker-3 }
          kuryr: { central: manger-1 }
      timeline:
        - { at: 1s, plugin: { nodes: all, kill: calico } }
    `,
    says: [
      "x.yaml:6:21: error: unknown node 'worker-3'",
      "hint: did you mean 'worker-1'?",
      "x.yaml:7:23: error: unknown node 'manger-1'",
      "hint: did you mean 'manager-1'?",
      'x.yaml:9:23: error: no node has the plugin calico',
      'hint: such as cluster: { plugins: { calico: {} } }',
    ],
  },
  {
    name: 'a plugin of an unknown style',
    scenario: yaml`
      name: x
      until: 60s
      cluster:
        plugins:
          calcio: {}
    `,
    says: ["x.yaml:5:5: error: unknown key 'calcio' in 'plugins'", "hint: did you mean 'calico'?"],
  },
  {
    name: 'an unknown node',
    more: yaml`
      timeline:
        - { at: 1s, crash: worker-9 }
    `,
    says: ["x.yaml:6:22: error: unknown node 'worker-9'", "hint: did you mean 'worker-1'?"],
  },
  {
    name: 'an unknown end of a partition',
    more: yaml`
      timeline:
        - { at: 1s, partition: { between: [worker-1, rack-a] } }
    `,
    says: [
      "x.yaml:6:48: error: unknown node 'rack-a'",
      'hint: known are: manager-1, worker-1, worker-2, workers, managers, all',
    ],
  },
  {
    name: 'a negative time',
    more: yaml`
      timeline:
        - { at: -5s, crash: worker-1 }
    `,
    says: [
      'x.yaml:6:11: error: at: the duration -5s is negative',
      'hint: time only goes forward, from 0s',
    ],
  },
  {
    name: 'a duration without a unit',
    more: yaml`
      timeline:
        - { at: 30, crash: worker-1 }
    `,
    says: [
      "x.yaml:6:11: error: at: '30' is not a duration",
      'hint: it lacks a unit: did you mean 30s?',
    ],
  },
  {
    name: 'two verbs',
    more: yaml`
      timeline:
        - { at: 3s, crash: worker-1, pause: worker-2 }
    `,
    says: ['x.yaml:6:5: error: the entry has 2 verbs: crash, pause', 'hint: one entry each'],
  },
  {
    name: 'no verb',
    more: yaml`
      timeline:
        - { at: 3s }
    `,
    says: [
      'x.yaml:6:5: error: the entry says when, but not what',
      `hint: one of ${VERBS.join(', ')}`,
    ],
  },
  {
    name: 'an unknown verb',
    more: yaml`
      timeline:
        - { at: 3s, crsh: worker-1 }
    `,
    says: ["x.yaml:6:15: error: unknown key 'crsh' in this entry", "hint: did you mean 'crash'?"],
  },
  {
    name: 'an event after the end',
    more: yaml`
      timeline:
        - { at: 300s, crash: worker-1 }
    `,
    says: [
      'x.yaml:6:11: error: 5m is after the end at 1m',
      'hint: raise until, or let it happen earlier',
    ],
  },
  {
    name: 'two entries with one name',
    more: yaml`
      timeline:
        - { at: 3s, crash: worker-1, as: a }
        - { at: 4s, crash: worker-2, as: a }
    `,
    says: [
      "x.yaml:7:36: error: there are two entries called 'a'",
      'hint: give each a name of its own',
    ],
  },
  {
    name: 'an expectation that cannot be read',
    more: yaml`
      expect:
        - membership of worker-1 should be dead
    `,
    says: [
      "x.yaml:6:5: error: cannot read 'membership of worker-1 should be dead'",
      'hint: expected: membership of <node> is <state> <scope?> within <span> of <event>',
    ],
  },
  {
    name: 'an expectation with a wrong span',
    more: yaml`
      expect:
        - node worker-1 is down within 5 of start
    `,
    says: ["x.yaml:6:5: error: '5' is not a duration", 'hint: it lacks a unit: did you mean 5s?'],
  },
  {
    name: 'an unknown event',
    more: yaml`
      timeline:
        - { at: 3s, crash: worker-1 }
      expect:
        - node worker-1 is down within 5s of crsh
    `,
    says: ["x.yaml:8:5: error: unknown event 'crsh'", "hint: did you mean 'crash'?"],
  },
  {
    name: 'an unknown service in an expectation',
    more: yaml`
      expect:
        - service wbe is healthy within 5s of start
    `,
    says: ["x.yaml:6:5: error: unknown service 'wbe'", "hint: did you mean 'web'?"],
  },
  {
    name: 'an unknown traffic',
    more: yaml`
      traffic:
        - { name: votes, to: "http://manager-1/", rate: 5/s }
      expect:
        - traffic vote loses at most 5%
    `,
    says: ["x.yaml:8:5: error: unknown traffic 'vote'", "hint: did you mean 'votes'?"],
  },
  {
    name: 'an unknown service to scale',
    more: yaml`
      timeline:
        - { at: 3s, scale: { wob: 3 } }
    `,
    says: ["x.yaml:6:24: error: unknown service 'wob'", "hint: did you mean 'web'?"],
  },
  {
    name: 'a bad ratio',
    more: yaml`
      timeline:
        - { at: 3s, drop: { loss: 120% } }
    `,
    says: [
      'x.yaml:6:29: error: loss: the ratio 120% is not between 0 and 100%',
      'hint: loss: a ratio, such as 20%',
    ],
  },
  {
    name: 'a bad distribution',
    more: yaml`
      timeline:
        - { at: 3s, starve: { nodes: worker-1, wait: exponental(3s) } }
    `,
    says: [
      "x.yaml:6:48: error: wait: there is no distribution 'exponental'",
      "hint: did you mean 'exponential'?",
    ],
  },
  {
    name: 'a distribution without its shape',
    more: yaml`
      timeline:
        - { at: 3s, starve: { nodes: worker-1, wait: pareto(3s) } }
    `,
    says: [
      "x.yaml:6:48: error: wait: 'pareto(3s)' has the wrong parameters",
      'hint: did you mean pareto(3s, 1.5)?',
    ],
  },
  {
    name: 'a starved node that is not there',
    more: yaml`
      timeline:
        - { at: 3s, starve: { nodes: worker-9, wait: 2s } }
    `,
    says: ["x.yaml:6:32: error: unknown node 'worker-9'", "hint: did you mean 'worker-1'?"],
  },
  {
    name: 'a bad rate',
    more: yaml`
      traffic:
        - { name: a, to: "http://manager-1/", rate: 5 }
    `,
    says: ["x.yaml:6:47: error: rate: '5' is not a rate", 'hint: did you mean 5/s?'],
  },
  {
    name: 'a bad target',
    more: yaml`
      traffic:
        - { name: a, to: "manager-1:80", rate: 5/s }
    `,
    says: [
      "x.yaml:6:20: error: 'manager-1:80' is not a target",
      'hint: such as http://manager-1:5000/ or tcp://redis:6379',
    ],
  },
  {
    name: 'a target that only the stack can resolve',
    more: yaml`
      traffic:
        - { name: a, to: "http://web/", rate: 5/s }
    `,
    says: [
      "x.yaml:6:20: error: 'web' is a name inside the stack, which outside cannot resolve",
      'hint: name a node and a published port, such as http://manager-1:5000/',
    ],
  },
  {
    name: 'a port that nobody publishes',
    more: yaml`
      traffic:
        - { name: a, to: "http://manager-1:8080/", rate: 5/s }
    `,
    says: [
      'x.yaml:6:20: warning: no service publishes port 8080; every request will be refused',
      'hint: published are: 80',
    ],
  },
  {
    name: 'several managers',
    scenario: yaml`
      name: x
      cluster: { managers: 3 }
      until: 3s
    `,
    says: [
      'x.yaml:2:22: error: several managers are not simulated yet',
      'hint: say 1: raft is not there, so nobody could lead',
    ],
  },
  {
    name: 'an unknown Docker version',
    scenario: yaml`
      name: x
      until: 60s
      cluster: { docker: "19" }
    `,
    says: [
      "x.yaml:3:20: error: unknown Docker version '19'",
      'hint: known are: 20.10, 23, 24, 25, 26, 27, 28, 29, 30',
    ],
  },
  {
    name: 'a range the wrong way round',
    scenario: yaml`
      name: x
      until: 3s
      cluster:
        underlay: { latency: 800us..200us }
    `,
    says: [
      'x.yaml:4:24: error: latency: the range 800us..200us ends before it begins',
      'hint: did you mean 200us..800us?',
    ],
  },
  {
    name: 'gossip with a profile and a tunable that there are not, of a host that there is not',
    scenario: yaml`
      name: x
      until: 3s
      cluster:
        workers: 2
        gossip:
          profile: wam
          probe-intervall: 2s
          hosts:
            worker-1: { udp-buffer-size: 100kB, cidrs-allowed: [10.1.2.3/8] }
    `,
    says: [
      "x.yaml:6:14: error: 'wam' is not one of lan, wan, local, docker",
      "hint: did you mean 'wan'?",
      "x.yaml:7:5: error: unknown key 'probe-intervall' in 'gossip'",
      "hint: did you mean 'probe-interval'?",
      'x.yaml:9:36: error: udp-buffer-size: a datagram cannot be so large',
      'hint: udp-buffer-size: bytes of a packet, such as 1400',
      'x.yaml:9:59: error: cidrs-allowed: 10.1.2.3/8 is an address',
      'hint: did you mean 10.0.0.0/8?',
    ],
  },
  {
    name: 'gossip of a host that there is not, and a version that nobody understands',
    scenario: yaml`
      name: x
      until: 3s
      cluster:
        workers: 1
        gossip:
          hosts:
            worker-1: { protocol-version: 5, protocol-version-max: 4 }
            worker-9: { probe-interval: 2s }
    `,
    says: [
      "x.yaml:8:7: error: unknown node 'worker-9'",
      "hint: did you mean 'worker-1'?",
      'x.yaml:6:5: error: worker-1 would speak protocol version 5, which is not in [1, 4]',
      'hint: change protocol-version, or protocol-version-min and -max',
    ],
  },
  {
    name: 'cards that a node does not have, and a manager out of reach',
    scenario: yaml`
      name: x
      until: 3s
      cluster:
        workers: 2
        interfaces: { eth1: [manager-1, worker-3], eth2: worker-2 }
        nodes:
          manager-1: { advertise-addr: eth1 }
          worker-1: { data-path-addr: eth2 }
          worker-2: { advertise-addr: eth3 }
    `,
    says: [
      "x.yaml:5:35: error: unknown node 'worker-3'",
      "hint: did you mean 'worker-1'?",
      "x.yaml:8:33: error: unknown interface 'eth2'",
      "hint: did you mean 'eth0'?",
      "x.yaml:9:33: error: unknown interface 'eth3'",
      "hint: did you mean 'eth0'?",
      'x.yaml:7:34: error: worker-1 has no eth1 and could not join manager-1',
      'hint: give every node a card eth1',
    ],
  },
  {
    name: 'a tab',
    scenario: 'name: x\ncluster:\n\tmanagers: 1\n',
    says: [
      'x.yaml:3:1: error: a tab indents this line',
      'hint: YAML indents with spaces, not with tabs',
    ],
  },
  {
    name: 'a key twice',
    scenario: yaml`
      name: x
      name: y
      until: 3s
    `,
    says: ["x.yaml:2:1: error: the key 'name' is there twice", 'hint: say it once'],
  },
  {
    name: 'no mapping at all',
    scenario: yaml`
      - a
    `,
    says: [
      'x.yaml:1:1: error: a scenario is a mapping; found a list',
      'hint: its keys are: name, description, seed, cluster, stack, environment, traffic, timeline, ' +
        'until, tables, expect',
    ],
  },
];

test.each(MISTAKES)('$name', (mistake) => {
  expect(complaintsOf(mistake)).toEqual(mistake.says);
});
