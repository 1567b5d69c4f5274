import { defineConfig } from 'vitest/config';

/** Live members, some with real agents beside them: late timers would be suspicions there. */
const REAL_TIME = ['bin/live/*.test.ts'];

export default defineConfig({
  test: {
    setupFiles: ['test/setup.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    maxWorkers: '100%', // the runner itself has next to nothing to do
    projects: [
      {
        extends: true,
        test: {
          name: 'virtual time',
          include: ['**/*.test.ts'],
          exclude: [...REAL_TIME, '**/*.long.test.ts', 'node_modules/**', 'dist/**'],
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'real time',
          include: REAL_TIME,
          exclude: ['**/*.long.test.ts'],
          sequence: { groupOrder: 1 }, // nothing computes beside it
        },
      },
    ],
  },
});
