import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['**/*.long.test.ts'],
    exclude: ['node_modules/**', 'dist/**'],
    testTimeout: 1_800_000,
    hookTimeout: 1_800_000,
  },
});
