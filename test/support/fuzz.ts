/** How many random cases a test tries: all in CI, a fifth elsewhere, where `CI=true` asks for all. */
export const fuzzRuns = (all: number): number => (process.env['CI'] === 'true' ? all : Math.ceil(all / 5));
